using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Policy.Directories;

/// <summary>How far the copy of an organization's directory is.</summary>
/// <param name="Since">What transactions of Identity's database before this one did is in the copy.</param>
/// <param name="Horizon">What <paramref name="Since"/> will be when the round ends; null where none has begun.</param>
/// <param name="ReadTo">The last page of the round that was stored; null for none.</param>
/// <param name="Pages">Counts the pages that were stored.</param>
/// <param name="Wanted">Counts the changes that were heard of.</param>
internal sealed record DirectoryCopy(
    OrganizationId OrgId, long Since, long? Horizon, string? ReadTo, long Pages, long Wanted, bool IsCurrent, bool IsKnown)
{
    private const string EraseAll =
        """
        delete from subjects where org_id = @OrgId;
        delete from groups where org_id = @OrgId;
        delete from group_members where org_id = @OrgId;
        delete from channels where org_id = @OrgId;
        delete from channel_names where org_id = @OrgId;
        delete from channel_grants where org_id = @OrgId;
        delete from machines where org_id = @OrgId;
        delete from directories where org_id = @OrgId;
        """;

    public static Task<DirectoryCopy?> FindAsync(NpgsqlDataSource db, OrganizationId organization, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<DirectoryCopy>(
            """
            select org_id, since, horizon, read_to, pages, wanted, read >= wanted as is_current, known_at is not null as is_known
            from directories where org_id = @organization
            """, new { organization }, ct);

    /// <summary>Drops the copy.</summary>
    /// <returns>How many rows.</returns>
    public static Task<int> EraseAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(EraseAll, new { OrgId = organization });

    /// <summary>Stores the page that follows, and what is to be decided anew by it.</summary>
    /// <returns>False where somebody else has stored one meanwhile, and this one may be older: nothing was done.</returns>
    public async Task<bool> StoreAsync(Tx tx, ListDirectoryChangesReply page, DateTimeOffset now)
    {
        var isLast = !page.Restart && page.Next.Length == 0;
        var moved = await tx.ExecuteAsync(
            """
            update directories set
                pages = pages + 1,
                covers = case when horizon is null then @Wanted else covers end,
                read = case when @isLast then case when horizon is null then @Wanted else covers end else read end,
                since = case when @isLast then coalesce(horizon, @PageHorizon) when @Restart then 0 else since end,
                horizon = case when @isLast or @Restart then null else coalesce(horizon, @PageHorizon) end,
                read_to = case when @isLast or @Restart then null else @Next end,
                known_at = case when @isLast then coalesce(known_at, @now) else known_at end
            where org_id = @OrgId and pages = @Pages
            """, new { OrgId, Pages, Wanted, isLast, page.Restart, PageHorizon = page.Horizon, page.Next, now });
        if (moved == 0)
        {
            return false;
        }

        if (page.Gone)
        {
            await EraseAsync(tx, OrgId);
            return true;
        }

        var changes = new DirectoryChanges(tx, OrgId);
        await changes.StoreAsync(page.Items);
        if (IsKnown)
        {
            await changes.MarkAsync();
        }
        else if (isLast)
        {
            // Nothing was decided by a part of it.
            await StaleDecisions.MarkOrganizationAsync(tx, OrgId);
        }

        return true;
    }
}
