using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;

using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// A code or a refresh token that comes a second time is in two hands: the grant ends with all that was issued under it, whoever came
/// first (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).
/// </summary>
internal sealed class RefuseReuse(OAuthTx transaction, AuthenticationFailures failures, TimeProvider clock)
    : IOpenIddictServerHandler<ValidateTokenContext>
{
    public static int Order => OpenIddictServerHandlers.Protection.ValidateTokenEntry.Descriptor.Order - 500;

    public async ValueTask HandleAsync(ValidateTokenContext context)
    {
        if (!Guid.TryParse(context.TokenId, out var id))
        {
            return;
        }

        var tx = await transaction.GetAsync();
        var used = await tx.QuerySingleOrDefaultAsync<Used>(
            """
            select t.type, t.grant_id, t.client_id
            from oauth_tokens t
            join oauth_grants g on g.id = t.grant_id and g.subject_id is not null
            where t.id = @id and t.status = 'redeemed'
            """, new { id });
        if (used is null || await Granted.FindAsync(tx, used.GrantId) is not { } grant)
        {
            return;
        }

        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        var origin = http.Features.Get<RequestOrigin>() ?? RequestOrigin.Unknown;
        var now = clock.GetUtcNow();
        var reason = used.Type == OpenIddictConstants.TokenTypeIdentifiers.RefreshToken ? "refresh_reuse" : "code_reuse";
        var caller = grant.ToCaller(origin);
        if (await OAuthGrants.RevokeAsync(tx, [used.GrantId], now) == 1)
        {
            tx.Audit(
                caller, now, "authentication_failure", new AuditTarget(caller.SubjectId.ToString(), caller.Email, "user"),
                $"A token that {grant.ClientName} had used before was used again: it acts for {grant.DisplayName} no more.",
                new { reason, count = 1, used.ClientId, used.GrantId });
        }
        else
        {
            await transaction.CommitAsync();
            await failures.RecordAsync($"grant {used.GrantId}", caller, reason, origin, http.RequestAborted);
        }

        http.Features.Set(new RecordedFailure());
        context.Reject(OpenIddictConstants.Errors.InvalidToken, "It was used before. Sign in again.");
    }

    private sealed record Used(string Type, Guid GrantId, string ClientId);
}
