using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Somebody makes a token for itself, good for this organization only, and for no longer than the caller's own token allows. The answer
/// shows it once.
/// </summary>
internal static class CreateToken
{
    /// <param name="ExpiresAt">Null: for as long as the caller's own token allows; that is for good with the bootstrap token.</param>
    /// <param name="Operator">The token carries the caller's power as an operator; only an operator may ask for it.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(200)] string Name, DateTimeOffset? ExpiresAt = null, bool Operator = false);

    public sealed record Response(
        TokenId Id, string Name, string Token, bool Operator, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

    internal static void MapCreateToken(this IEndpointRouteBuilder tokens) =>
        tokens.MapPost("", HandleAsync).RequireAuthorization(Permission.TokensOwn, Access.Person).WithName(nameof(CreateToken))
            .WithSummary("Make a token for oneself, good for this organization; it is shown once.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (request.ExpiresAt <= now)
        {
            return Problems.Invalid("expires_at", "Must be in the future.");
        }

        if (request.Operator && !caller.IsOperator)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "forbidden", "Not allowed.",
                "Only an operator can make a token that carries an operator's power.");
        }

        if (await Credential.FindAsync(db, caller, now, ct) is not { } credential)
        {
            return Credential.Void();
        }

        var settings = await OrganizationSettings.FindAsync(db, caller.OrgId, ct);
        if (!settings.MemberTokensAllowed && caller.Organization!.Role == Roles.Member)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "member_tokens_not_allowed", "Not allowed.",
                "The organization does not let members make tokens for themselves.");
        }

        var latest = credential.LatestExpiry(now, Math.Min(options.Value.TokenMaxDays, settings.TokenMaxDays));
        if (request.ExpiresAt > latest)
        {
            return Problems.Invalid("expires_at", $"Must not be after {latest:O}, which is as long as the caller's own token allows.");
        }

        var expiresAt = request.ExpiresAt ?? latest;
        await using var tx = await db.BeginAsync(ct);
        var issued = await TokenStore.IssueAsync(
            tx, caller.SubjectId, caller.OrgId, "personal", request.Operator, request.Name, expiresAt?.ToUniversalTime(), now);
        tx.Audit(
            caller, now, "token_created", new AuditTarget(issued.Id.ToString(), null, "token"),
            $"{caller.DisplayName} made the token '{request.Name}'.",
            new { request.Name, expires_at = issued.ExpiresAt, request.Operator });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/tokens/{issued.Id}",
            new Response(issued.Id, request.Name, issued.Token, request.Operator, now, issued.ExpiresAt));
    }
}
