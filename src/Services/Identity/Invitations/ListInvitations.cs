using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>Whom the organization has invited, sorted by <c>created_at</c>. What has ended is kept for some days.</summary>
internal static class ListInvitations
{
    /// <param name="State">pending, accepted, declined, revoked or expired.</param>
    /// <param name="InvitedBy">Who invited, or resent the invitation.</param>
    /// <param name="EndedAt">Null while it is pending.</param>
    public sealed record Item(
        InvitationId Id, string Email, string DisplayName, string Role, string State, SubjectId InvitedBy, string InvitedByName,
        DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt);

    /// <param name="State">Only those of this state.</param>
    public sealed record Filter(
        [property: AllowedValues(null, "pending", "accepted", "declined", "revoked", "expired",
            ErrorMessage = "Must be pending, accepted, declined, revoked or expired.")]
        string? State = null);

    private const string State =
        "case when i.ended_at is null and i.expires_at <= @Now then 'expired' else coalesce(i.ended_as, 'pending') end";

    internal static void MapListInvitations(this IEndpointRouteBuilder invitations) =>
        invitations.MapGet("", HandleAsync).WithName(nameof(ListInvitations)).WithSummary("Whom the organization has invited.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Ok<Page<Item>>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = new
        {
            caller.OrgId,
            filter.State,
            Now = clock.GetUtcNow(),
            After = IdPage.After(page),
            page.Descending,
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>(
            $"select count(*) from invitations i where i.org_id = @OrgId and (@State::text is null or {State} = @State)", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select i.id, i.email, i.display_name, i.role, {State} as state, i.invited_by, s.display_name as invited_by_name,
                i.created_at, i.expires_at, i.ended_at
            from invitations i
            join subjects s on s.id = i.invited_by
            where i.org_id = @OrgId and (@State::text is null or {State} = @State)
              and (@After::uuid is null or case when @Descending then i.id < @After else i.id > @After end)
            order by case when @Descending then i.id end desc, i.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
