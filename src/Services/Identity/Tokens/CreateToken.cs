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
    /// <param name="ExpiresAt">At most the organization's <c>token_max_days</c> away, nor later than the caller's own token.</param>
    /// <param name="Scopes">Permissions that are left of the caller's role; left out: all, which a token with scopes cannot give.</param>
    /// <param name="AllowedIps">Networks in CIDR from which the token is good; left out: everywhere.</param>
    /// <param name="Operator">The token carries the caller's power as an operator; only an operator may ask for it.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(200)] string Name, [Required] DateTimeOffset? ExpiresAt, bool Operator = false,
        [MaxLength(GrantedScopes.Most)] IReadOnlyList<string>? Scopes = null,
        [MaxLength(AllowedAddresses.Most)] IReadOnlyList<string>? AllowedIps = null);

    /// <param name="Prefix">How the token begins: the list shows it too.</param>
    public sealed record Response(
        TokenId Id, string Name, string Token, string Prefix, bool Operator, IReadOnlyList<string>? Scopes,
        IReadOnlyList<string>? AllowedIps, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

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

        if (!AllowedAddresses.TryRead(request.AllowedIps, out var networks, out var problem))
        {
            return Problems.Invalid(AllowedAddresses.Field, problem);
        }

        if ((GrantedScopes.Refuse(request.Scopes) ?? GrantedScopes.RefuseBeyond(caller, caller.Organization!.Role, request.Scopes))
            is { } refusal)
        {
            return refusal;
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
            return Problems.Invalid(
                "expires_at", $"Must not be after {latest:O}, which is as long as the organization and the caller's own token allow.");
        }

        // What the caller's own token is not good for, one that it makes is not either.
        var limits = new TokenLimits(
            GrantedScopes.Stored(request.Scopes), AllowedAddresses.Both(networks, credential.AllowedIps), credential.MachineId);
        if (limits.AllowedIps is { Length: 0 })
        {
            return Problems.Invalid(AllowedAddresses.Field, "The caller's own token is good for none of these.");
        }

        await using var tx = await db.BeginAsync(ct);
        var issued = await TokenStore.IssueAsync(
            tx, caller.SubjectId, caller.OrgId, "personal", request.Operator, request.Name, request.ExpiresAt!.Value.ToUniversalTime(), now,
            limits);
        var prefix = issued.Token[..TokenStore.PrefixLength];
        tx.Audit(
            caller, now, "token_created", new AuditTarget(issued.Id.ToString(), null, "token"),
            $"{caller.DisplayName} made the token '{request.Name}'.",
            new
            {
                request.Name,
                kind = "personal",
                prefix,
                expires_at = issued.ExpiresAt,
                request.Operator,
                limits.Scopes,
                limits.AllowedIps,
            });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/tokens/{issued.Id}",
            new Response(
                issued.Id, request.Name, issued.Token, prefix, request.Operator, limits.Scopes, limits.AllowedIps, now, issued.ExpiresAt));
    }
}
