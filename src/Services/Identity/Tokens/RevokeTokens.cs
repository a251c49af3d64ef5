using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// An administrator voids the organization's tokens that are of a kind, of somebody, or that nobody has used for long, and what programs
/// were let do in it; every gateway forgets them at once, and each is an event. Never the token that asks, nor its grant. Access tokens of
/// service accounts end with the rest of theirs.
/// </summary>
internal static class RevokeTokens
{
    private const string Grant = "grant";

    /// <summary>Tokens that one request revokes at most, and grants; it says whether there are more.</summary>
    private const int Most = 1_000;

    /// <param name="UnusedDays">Not used for so many days; one that never was counts from when it was made.</param>
    /// <param name="Kind">
    /// initial, personal, machine or grant (of a program that somebody let act for it in this organization).
    /// </param>
    /// <param name="User">Whose they are: a user or a service account.</param>
    public sealed record Request(
        [Range(1, 3_650)] int? UnusedDays = null,
        [AllowedValues("initial", "personal", "machine", Grant, null)] string? Kind = null,
        SubjectId? User = null);

    /// <param name="More">There may be more: ask again.</param>
    public sealed record Response(int Revoked, bool More);

    internal static void MapRevokeTokens(this IEndpointRouteBuilder tokens) =>
        tokens.MapPost("/revoke", HandleAsync).RequireAuthorization(Permission.TokensRevokeAll).WithName(nameof(RevokeTokens))
            .WithSummary("Void the organization's tokens of a kind, of somebody, or that were not used for long.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (request is { UnusedDays: null, Kind: null, User: null })
        {
            return Problems.Invalid("body", "Must say which: unused_days, kind or user.");
        }

        var now = clock.GetUtcNow();
        var before = request.UnusedDays is { } days ? now.AddDays(-days) : (DateTimeOffset?)null;
        await using var tx = await db.BeginAsync(ct);
        var revoked = await tx.QueryAsync<Row>(
            """
            update tokens t set revoked_at = @now
            where t.id in (
                select id from tokens
                where org_id = @OrgId and revoked_at is null
                  and (kind in ('initial', 'personal', 'machine')
                      or (kind = 'access' and grant_id is null and @Kind::text is null and subject_id = @User::uuid))
                  and (expires_at is null or expires_at > @now) and id is distinct from @Current::uuid
                  and (@Kind::text is null or kind = @Kind) and (@User::uuid is null or subject_id = @User)
                  and (@Before::timestamptz is null or coalesce(last_used_at, created_at) < @Before)
                order by id limit @Most)
            returning t.id, t.name, t.kind, t.subject_id
            """,
            new
            {
                caller.OrgId,
                now,
                Current = caller.TokenId,
                request.Kind,
                request.User,
                Before = before,
                Most,
            });
        TokenStore.Publish(tx, [.. revoked.Select(row => row.Id)], now);
        foreach (var row in revoked)
        {
            tx.Audit(caller, now, "token_revoked", new AuditTarget(row.Id.ToString(), null, "token"),
                $"{caller.DisplayName} revoked the token '{row.Name}'.",
                new { row.Name, row.Kind, Owner = row.SubjectId, filter = request });
        }

        var grants = request.Kind is null or Grant
            ? await OAuthGrants.RevokeOfOrganizationAsync(tx, caller.OrgId, request.User, before, caller.TokenId, Most, now)
            : [];
        foreach (var grant in grants)
        {
            tx.Audit(caller, now, "token_revoked", grant.Target,
                $"{caller.DisplayName} ended what {grant.ClientName} was let do.",
                new { name = grant.ClientName, grant.ClientId, kind = Grant, Owner = grant.SubjectId, filter = request });
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Response(revoked.Count + grants.Count, revoked.Count == Most || grants.Count == Most));
    }

    private sealed record Row(TokenId Id, string Name, string Kind, SubjectId SubjectId);
}
