using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Http.Features;

using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Issues access tokens in the form of all tokens of the platform, which gateways look up and forget at once when they are revoked, in
/// place of the protocol engine's own.
/// </summary>
internal sealed class IssueOpaqueAccessToken(OAuthTx transaction) : IOpenIddictServerHandler<GenerateTokenContext>
{
    /// <summary>Before the engine writes an entry of its own.</summary>
    public static int Order => OpenIddictServerHandlers.Protection.CreateTokenEntry.Descriptor.Order - 500;

    public async ValueTask HandleAsync(GenerateTokenContext context)
    {
        if (context.TokenType != OpenIddictConstants.TokenTypeIdentifiers.AccessToken)
        {
            return;
        }

        var principal = context.Principal;
        var (now, expiresAt) = (principal.GetCreationDate()!.Value, principal.GetExpirationDate());
        var scopes = principal.GetScopes().Remove(OpenIddictConstants.Scopes.OfflineAccess);
        var tx = await transaction.GetAsync();
        IssuedToken issued;
        if (Guid.TryParse(principal.GetAuthorizationId(), out var id))
        {
            var grant = await tx.QuerySingleAsync<Granted>(
                """
                select g.subject_id, g.org_id, c.name, (select max(t.audited_at) from tokens t where t.grant_id = g.id) as audited_at
                from oauth_grants g
                join oauth_clients c on c.id = g.client_id
                where g.id = @id
                """, new { id });
            issued = await TokenStore.IssueAsync(
                tx, grant.SubjectId, grant.OrgId, "access", power: false, grant.Name, expiresAt, now, new([.. scopes]), id);

            // That the person uses the client is told once an hour, however often the token changes.
            await tx.ExecuteAsync(
                "update tokens set audited_at = @AuditedAt where id = @Id", new { grant.AuditedAt, issued.Id });
        }
        else
        {
            var http = context.Transaction.GetHttpRequest()!.HttpContext;
            var account = http.Features.GetRequiredFeature<ServiceAccount>();
            if (await account.IssueAsync(
                tx, http.Features.Get<RequestOrigin>() ?? RequestOrigin.Unknown, expiresAt!.Value,
                new { method = "client_credentials", account.SecretId }, scopes is [] ? null : [.. scopes], now) is not { } token)
            {
                context.Reject(OpenIddictConstants.Errors.InvalidClient, AuthenticateClient.Refusal);
                return;
            }

            issued = token;
        }

        context.Token = issued.Token;
        context.CreateTokenEntry = false;
        context.PersistTokenPayload = false;
    }

    private sealed record Granted(SubjectId SubjectId, OrganizationId? OrgId, string Name, DateTimeOffset? AuditedAt);
}
