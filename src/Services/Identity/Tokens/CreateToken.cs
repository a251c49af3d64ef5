using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>Somebody makes a token for itself, good for this organization only. The answer shows it once.</summary>
internal static class CreateToken
{
    /// <param name="ExpiresAt">Null: good until revoked.</param>
    /// <param name="Operator">The token carries the caller's power as an operator; only an operator may ask for it.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(200)] string Name, DateTimeOffset? ExpiresAt = null, bool Operator = false);

    public sealed record Response(
        TokenId Id, string Name, string Token, bool Operator, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

    internal static void MapCreateToken(this IEndpointRouteBuilder tokens) =>
        tokens.MapPost("", HandleAsync).RequireAuthorization(Access.Reader).WithName(nameof(CreateToken))
            .WithSummary("Make a token for oneself, good for this organization; it is shown once.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
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

        await using var tx = await db.BeginAsync(ct);
        var issued = await TokenStore.IssueAsync(
            tx, caller.SubjectId, caller.OrgId, "personal", request.Operator, request.Name, request.ExpiresAt?.ToUniversalTime(), now);
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
