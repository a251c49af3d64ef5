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
    /// <param name="Kind">email, or link: for several people.</param>
    /// <param name="Email">Null for a link.</param>
    /// <param name="State">pending, accepted, declined, revoked, expired, or failed: could not be mailed, and can be accepted.</param>
    /// <param name="Uses">How many people have followed the link, of <paramref name="MaxUses"/> at most.</param>
    /// <param name="Mail">queued, sent or failed; null where the token was shown.</param>
    /// <param name="MailError">Why the last try to send it failed.</param>
    /// <param name="InvitedBy">Who invited, or resent the invitation.</param>
    /// <param name="EndedAt">Null while it is pending.</param>
    public sealed record Item(
        InvitationId Id, string Kind, string? Email, string DisplayName, string Role, string State, SubjectId InvitedBy,
        string InvitedByName, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, int? MaxUses, int Uses,
        string? EmailDomain, string? Mail, string? MailError, Guid[] GroupIds, string[] Products);

    private static readonly string[] States = ["pending", "accepted", "declined", "revoked", "expired", "failed"];

    /// <param name="State">Only those of this state, or of one of several, separated by commas.</param>
    /// <param name="Search">Part of the address or of the name, ignoring case.</param>
    public sealed record Filter(
        [property: MaxLength(100)] string? State = null,
        [property: MaxLength(320)] string? Search = null);

    private const string State =
        """
        case when i.ended_at is null and i.expires_at <= @Now then 'expired'
            when i.ended_at is null and i.mail_state = 'failed' then 'failed'
            else coalesce(i.ended_as, 'pending') end
        """;

    private static readonly string Where =
        $"""
        i.org_id = @OrgId and (@States::text[] is null or {State} = any(@States))
            and (@Search::text is null or i.folded like {Folded.Of("@Search")})
        """;

    internal static void MapListInvitations(this IEndpointRouteBuilder invitations) =>
        invitations.MapGet("", HandleAsync).WithName(nameof(ListInvitations)).WithSummary("Whom the organization has invited.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var states = filter.State?.Split(',');
        if (states?.Except(States).Any() == true)
        {
            return Problems.Invalid("state", $"Must be among {string.Join(", ", States)}.");
        }

        var parameters = new
        {
            caller.OrgId,
            States = states,
            Search = filter.Search is { Length: > 0 } text ? LikePattern.Containing(text) : null,
            Now = clock.GetUtcNow(),
            After = IdPage.After(page),
            page.Descending,
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>(
            $"select count(*) from invitations i where {Where}", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select i.id, case when i.email is null then 'link' else 'email' end as kind, i.email, i.display_name, i.role, {State} as state,
                i.invited_by, s.display_name as invited_by_name, i.created_at, i.expires_at, i.ended_at, i.max_uses, i.uses,
                i.email_domain, i.mail_state as mail, i.mail_error, i.group_ids, i.products
            from invitations i
            join subjects s on s.id = i.invited_by
            where {Where}
              and (@After::uuid is null or case when @Descending then i.id < @After else i.id > @After end)
            order by case when @Descending then i.id end desc, i.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
