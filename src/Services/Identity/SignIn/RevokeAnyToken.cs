using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Identity.OAuth.Handlers;
using EnvPlatform.Identity.OAuth.Stores;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// The holder of a token may revoke it (RFC 7009). A client that identifies itself must authenticate and can revoke only its own tokens. An
/// unknown or already invalid token gets the same answer as any other.
/// </summary>
internal static class RevokeAnyToken
{
    /// <summary>Characters of what could be a refresh token.</summary>
    internal const int MinRefreshToken = 40;
    internal const int MaxRefreshToken = 100;

    internal static void MapRevokeAnyToken(this IEndpointRouteBuilder oauth) =>
        oauth.MapPost("/revoke", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(RevokeAnyToken))
            .WithSummary("Void a token (RFC 7009).")
            .WithMetadata(
                new DescribedParameter("token", "The token to void.", In: "form", Required: true),
                new DescribedParameter("client_id", "Of a service account or another client, to void its own tokens only.", In: "form"),
                new DescribedParameter("client_secret", "Of the client, if it has one.", In: "form"))
            .Produces<IssueAccessToken.OAuthError>(StatusCodes.Status400BadRequest)
            .Produces<IssueAccessToken.OAuthError>(StatusCodes.Status401Unauthorized);

    private static async Task<Results<Ok, JsonHttpResult<IssueAccessToken.OAuthError>>> HandleAsync(
        HttpRequest http, RequestOrigin origin, NpgsqlDataSource db, OAuthTx transaction, ClientStore clients,
        AuthenticationFailures failures, TimeProvider clock, CancellationToken ct)
    {
        var response = http.HttpContext.Response;
        var form = await OAuthForm.ReadAsync(http, ct) ?? FormCollection.Empty;
        if (form["token"].Count != 1 || !ClientCredentials.TryRead(http, form, out var client))
        {
            return IssueAccessToken.OAuthError.Answer(
                response, StatusCodes.Status400BadRequest, "invalid_request",
                "token must be given once in a form, the client's credentials in one way only.");
        }

        ServiceAccount? account = null;
        var isAccount = SubjectId.TryParse(client?.Id, out _);
        if (client is not null && (isAccount
            ? (account = await client.FindAsync(db, failures, origin, clock.GetUtcNow(), ct)) is null
            : !await AuthenticateClient.IsKnownAsync(clients, client.Id, client.Secret, transaction, failures, origin, ct)))
        {
            return IssueAccessToken.OAuthError.Answer(
                response, StatusCodes.Status401Unauthorized, "invalid_client",
                "There is no such client, or the secret is not its own.", client.Basic);
        }

        var token = form["token"].ToString();
        if (token.Length is >= MinRefreshToken and <= MaxRefreshToken && account is null
            && !SecretFormat.IsWellFormed(token, SecretFormat.TokenPrefix))
        {
            await RevokeGrantAsync(token, client?.Id ?? form["client_id"], origin, transaction, clock.GetUtcNow());
        }
        else if (SecretFormat.IsWellFormed(token, SecretFormat.TokenPrefix))
        {
            // A public client names itself and shows nothing.
            var onlyBy = client?.Id ?? (form["client_id"].ToString() is { Length: > 0 } named ? named : null);
            await RevokeAsync(
                token, account?.Id, SubjectId.TryParse(onlyBy, out _) ? null : onlyBy, origin, transaction, clock.GetUtcNow());
        }

        return TypedResults.Ok();
    }

    /// <summary>
    /// A refresh token ends with the whole grant. Who names a client, as a public one does, voids what that client holds only.
    /// </summary>
    private static async Task RevokeGrantAsync(
        string token, string? onlyOf, RequestOrigin origin, OAuthTx transaction, DateTimeOffset now)
    {
        var tx = await transaction.GetAsync();
        var id = await tx.QuerySingleOrDefaultAsync<Guid?>(
            """
            select grant_id from oauth_tokens
            where reference_sha256 = @Sha256 and type = @RefreshToken and (@onlyOf::text is null or client_id = @onlyOf)
            """,
            new
            {
                Sha256 = Convert.ToBase64String(SecretFormat.Sha256(token)),
                OpenIddictConstants.TokenTypeIdentifiers.RefreshToken,
                onlyOf,
            });
        if (id is null || await Granted.FindAsync(tx, id.Value) is not { } grant || await OAuthGrants.RevokeAsync(tx, [grant.Id], now) == 0)
        {
            return;
        }

        tx.Audit(
            grant.ToCaller(origin), now, "token_revoked", new AuditTarget(grant.Id.ToString(), null, "grant"),
            $"{grant.DisplayName} is signed in by {grant.ClientName} no more.", new { name = grant.ClientName, grant.ClientId });
        await transaction.CommitAsync();
    }

    private static async Task RevokeAsync(
        string token, SubjectId? onlyOf, string? onlyBy, RequestOrigin origin, OAuthTx transaction, DateTimeOffset now)
    {
        var tx = await transaction.GetAsync();
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            with revoked as (
                update tokens set revoked_at = @now
                where sha256 = @Sha256 and revoked_at is null and (@onlyOf::uuid is null or subject_id = @onlyOf)
                  and (@onlyBy::text is null or grant_id in (select g.id from oauth_grants g where g.client_id = @onlyBy))
                returning id, subject_id, org_id, name)
            select r.id, r.name, s.id as subject_id, s.type, s.email, s.display_name, o.id as org_id, o.slug
            from revoked r
            join subjects s on s.id = r.subject_id
            left join organizations o on o.id = coalesce(
                r.org_id, (
                    select m.org_id from active_memberships m where m.subject_id = r.subject_id order by m.created_at, m.org_id limit 1))
            """, new { Sha256 = SecretFormat.Sha256(token), onlyOf, onlyBy, now });
        if (row is null)
        {
            return;
        }

        var home = row.OrgId is { } id ? new Membership(id, row.Slug!, row.Slug!, "") : null;
        var bearer = Caller.Of(
            row.SubjectId, row.Type, row.DisplayName, origin, AuthenticationFailures.Service, row.Email, organization: home, token: row.Id);
        TokenStore.Publish(tx, [row.Id], now);
        tx.Audit(bearer, now, "token_revoked", new AuditTarget(row.Id.ToString(), null, "token"),
            $"{row.DisplayName} revoked the token '{row.Name}'.", new { row.Name });
        await transaction.CommitAsync();
    }

    private sealed record Row(
        TokenId Id, string Name, SubjectId SubjectId, string Type, string? Email, string DisplayName, OrganizationId? OrgId, string? Slug);
}
