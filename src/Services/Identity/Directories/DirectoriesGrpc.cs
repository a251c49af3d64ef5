using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Identity.Directories;

/// <summary>
/// Lets another service keep a copy of an organization's people, groups, channels and machines. What it reads is the present state of what
/// has changed, so reading twice, or later, is harmless. A round ends at the horizon of its first page: the oldest transaction that was
/// running then. Whatever that one or a later one changes is in the next round, in whatever order they commit, and nobody waits for
/// another.
/// </summary>
internal sealed class DirectoriesGrpc(NpgsqlDataSource db) : Contracts.Identity.Directories.DirectoriesBase
{
    private const int Most = 1_000;

    /// <summary>Bytes of a page, far below what gRPC lets through: a channel may have long names.</summary>
    private const int Largest = 1_000_000;

    public override async Task<ListDirectoriesReply> ListDirectories(ListDirectoriesRequest request, ServerCallContext context)
    {
        var after = Guid.Empty;
        if (request.After.Length > 0 && !Guid.TryParse(request.After, out after))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "after must be a UUID."));
        }

        var states = await db.QueryAsync<State>(
            """
            select o.id, coalesce((select max(c.xid) from directory_changes c where c.org_id = o.id), 0) as version
            from organizations o where o.erased_at is null and o.id > @after order by o.id limit @Most
            """, new { after, Most }, context.CancellationToken);
        return new()
        {
            Directories = { states.Select(state => new DirectoryState { OrganizationId = $"{state.Id}", Version = state.Version }) },
        };
    }

    public override async Task<ListDirectoryChangesReply> ListDirectoryChanges(
        ListDirectoryChangesRequest request, ServerCallContext context)
    {
        if (!OrganizationId.TryParse(request.OrganizationId, out var organization)
            || DirectoryItems.Position.Parse(request.After) is not { } after)
        {
            throw new RpcException(
                new Status(StatusCode.InvalidArgument, "organization_id must be a UUID, and after what a page ended with."));
        }

        var ct = context.CancellationToken;
        // Before the items, so that no transaction is between the two.
        var now = await db.QuerySingleAsync<Now>(
            """
            select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon,
                exists (select from organizations where id = @organization and erased_at is null) as is_there
            """, new { organization }, ct);
        if (!now.IsThere)
        {
            return new() { Gone = true };
        }

        var reply = new ListDirectoryChangesReply { Horizon = now.Horizon, Restart = request.Since > now.Horizon };
        if (reply.Restart)
        {
            return reply;
        }

        var rows = await DirectoryItems.ReadAsync(db, organization, request.Since, after, Most, ct);
        var (taken, size) = (0, 0);
        foreach (var row in rows)
        {
            var item = row.ToItem();
            size += item.CalculateSize();
            if (size > Largest && taken > 0)
            {
                break;
            }

            taken++;
            if (row.IsTold || !row.IsDeleted)
            {
                reply.Items.Add(item);
            }
        }

        reply.Next = rows.Count == Most || taken < rows.Count ? $"{rows[taken - 1].Position}" : "";
        return reply;
    }

    private sealed record State(OrganizationId Id, long Version);

    private sealed record Now(long Horizon, bool IsThere);
}
