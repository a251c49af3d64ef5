using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// The open invitations to the signed-in user's address, sorted by <c>created_at</c>. A token that is good for one organization shows none
/// of the others'.
/// </summary>
internal static class ListMyInvitations
{
    public sealed record Item(
        InvitationId Id, string Organization, string OrganizationName, string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

    internal static void MapListMyInvitations(this IEndpointRouteBuilder invitations) =>
        invitations.MapGet("", HandleAsync).WithName(nameof(ListMyInvitations)).WithSummary("The open invitations to one's address.")
            .ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        PageQuery page, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { OrgId: null })
        {
            return Credential.TooNarrow();
        }

        const string open =
            """
            from invitations i
            join organizations o on o.id = i.org_id and o.deleted_at is null
            where i.email = @Email and i.ended_at is null and i.expires_at > @now
            """;
        var parameters = new { caller.Email, now, After = IdPage.After(page), page.Descending, Take = page.Limit + 1 };
        var total = await db.QuerySingleAsync<long>($"select count(*) {open}", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select i.id, o.slug as organization, o.name as organization_name, i.role, i.created_at, i.expires_at {open}
              and (@After::uuid is null or case when @Descending then i.id < @After else i.id > @After end)
            order by case when @Descending then i.id end desc, i.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
