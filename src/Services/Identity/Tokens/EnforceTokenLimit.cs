using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// An administrator shortens the tokens that are good for longer than the organization allows by now (<c>token_max_days</c> from now): a
/// lower limit alone shortens none. Each is an event.
/// </summary>
internal static class EnforceTokenLimit
{
    /// <summary>Tokens that one request shortens at most; it says whether there are more.</summary>
    private const int Most = 1_000;

    /// <param name="ExpiresAt">When those tokens end now, at the latest.</param>
    /// <param name="More">There may be more: ask again.</param>
    public sealed record Response(int Shortened, DateTimeOffset ExpiresAt, bool More);

    internal static void MapEnforceTokenLimit(this IEndpointRouteBuilder tokens) =>
        tokens.MapPost("/enforce-limit", HandleAsync).RequireAuthorization(Permission.TokensRevokeAll)
            .WithName(nameof(EnforceTokenLimit)).WithSummary("Shorten the tokens that are good for longer than token_max_days from now.");

    private static async Task<Ok<Response>> HandleAsync(
        Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var latest = now.AddDays((await OrganizationSettings.FindAsync(tx, caller.OrgId)).TokenMaxDays);
        var shortened = await tx.QueryAsync<Row>(
            """
            with over as (
                select id, expires_at from tokens
                where org_id = @OrgId and kind in ('initial', 'personal', 'machine') and revoked_at is null
                  and (expires_at is null or expires_at > @latest)
                order by id limit @Most for update)
            update tokens t set expires_at = @latest from over where t.id = over.id
            returning t.id, t.name, t.subject_id, over.expires_at as before
            """, new { caller.OrgId, latest, Most });
        TokenStore.Publish(tx, [.. shortened.Select(row => row.Id)], now);
        foreach (var row in shortened)
        {
            tx.Audit(caller, now, "token_shortened", new AuditTarget(row.Id.ToString(), null, "token"),
                $"{caller.DisplayName} let the token '{row.Name}' end as early as the organization asks for.",
                new
                {
                    row.Name,
                    Owner = row.SubjectId,
                    before = new { expires_at = row.Before },
                    after = new { expires_at = latest },
                    changed = (string[])["expires_at"],
                });
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Response(shortened.Count, latest, shortened.Count == Most));
    }

    private sealed record Row(TokenId Id, string Name, SubjectId SubjectId, DateTimeOffset? Before);
}
