using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;

using Microsoft.IdentityModel.Tokens;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>
/// The clients, for the protocol engine, which only reads them: programs of <c>oauth_clients</c>, and service accounts. Secrets are
/// verified by <see cref="Handlers.AuthenticateClient"/>.
/// </summary>
internal sealed class ClientStore(OAuthTx transaction) : IOpenIddictApplicationStore<OAuthClient>
{
    private static readonly string[] ServiceAccountGrants = [OpenIddictConstants.GrantTypes.ClientCredentials];

    public ValueTask<long> CountAsync(CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> CountAsync<TResult>(Func<IQueryable<OAuthClient>, IQueryable<TResult>> query, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask CreateAsync(OAuthClient application, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask DeleteAsync(OAuthClient application, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<OAuthClient?> FindByIdAsync(string identifier, CancellationToken ct) =>
        FindByClientIdAsync(identifier, ct);

    public async ValueTask<OAuthClient?> FindByClientIdAsync(string identifier, CancellationToken ct)
    {
        // PostgreSQL takes no NUL, which basic authentication can bring.
        if (PlainText.HoldsControl(identifier))
        {
            return null;
        }

        var tx = await transaction.GetAsync();
        return SubjectId.TryParse(identifier, out var account)
            ? await tx.QuerySingleOrDefaultAsync<OAuthClient>(
                """
                select a.id::text as id, a.name, null::bytea as secret_sha256, false as native, '{}'::text[] as redirect_uris,
                    @Grants::text[] as grant_types, null::text[] as scopes
                from service_accounts a
                where a.id = @account
                """, new { account, Grants = ServiceAccountGrants })
            : await tx.QuerySingleOrDefaultAsync<OAuthClient>(
                "select id, name, secret_sha256, native, redirect_uris, grant_types, scopes from oauth_clients where id = @identifier",
                new { identifier });
    }

    public IAsyncEnumerable<OAuthClient> FindByPostLogoutRedirectUriAsync(string uri, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<OAuthClient> FindByRedirectUriAsync(string uri, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> GetApplicationTypeAsync(OAuthClient application, CancellationToken ct) =>
        new(application.Native ? OpenIddictConstants.ApplicationTypes.Native : OpenIddictConstants.ApplicationTypes.Web);

    public ValueTask<TResult?> GetAsync<TState, TResult>(
        Func<IQueryable<OAuthClient>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<string?> GetClientIdAsync(OAuthClient application, CancellationToken ct) => new(application.Id);

    public ValueTask<string?> GetClientSecretAsync(OAuthClient application, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> GetClientTypeAsync(OAuthClient application, CancellationToken ct) =>
        new(application.IsPublic ? OpenIddictConstants.ClientTypes.Public : OpenIddictConstants.ClientTypes.Confidential);

    public ValueTask<string?> GetConsentTypeAsync(OAuthClient application, CancellationToken ct) =>
        new(OpenIddictConstants.ConsentTypes.Explicit);

    public ValueTask<string?> GetDisplayNameAsync(OAuthClient application, CancellationToken ct) => new(application.Name);

    public ValueTask<ImmutableDictionary<CultureInfo, string>> GetDisplayNamesAsync(OAuthClient application, CancellationToken ct) =>
        new(ImmutableDictionary<CultureInfo, string>.Empty);

    public ValueTask<string?> GetIdAsync(OAuthClient application, CancellationToken ct) => new(application.Id);

    public ValueTask<JsonWebKeySet?> GetJsonWebKeySetAsync(OAuthClient application, CancellationToken ct) => new((JsonWebKeySet?)null);

    public ValueTask<ImmutableArray<string>> GetPermissionsAsync(OAuthClient application, CancellationToken ct) =>
        new([.. application.Permissions]);

    public ValueTask<ImmutableArray<string>> GetPostLogoutRedirectUrisAsync(OAuthClient application, CancellationToken ct) => new([]);

    public ValueTask<ImmutableDictionary<string, JsonElement>> GetPropertiesAsync(OAuthClient application, CancellationToken ct) =>
        new(ImmutableDictionary<string, JsonElement>.Empty);

    public ValueTask<ImmutableArray<string>> GetRedirectUrisAsync(OAuthClient application, CancellationToken ct) =>
        new([.. application.RedirectUris]);

    public ValueTask<ImmutableArray<string>> GetRequirementsAsync(OAuthClient application, CancellationToken ct) =>
        new([OpenIddictConstants.Requirements.Features.ProofKeyForCodeExchange]);

    public ValueTask<ImmutableDictionary<string, string>> GetSettingsAsync(OAuthClient application, CancellationToken ct) =>
        new(ImmutableDictionary<string, string>.Empty);

    public ValueTask<OAuthClient> InstantiateAsync(CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<OAuthClient> ListAsync(int? count, int? offset, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<TResult> ListAsync<TState, TResult>(
        Func<IQueryable<OAuthClient>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetApplicationTypeAsync(OAuthClient application, string? type, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetClientIdAsync(OAuthClient application, string? identifier, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetClientSecretAsync(OAuthClient application, string? secret, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetClientTypeAsync(OAuthClient application, string? type, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetConsentTypeAsync(OAuthClient application, string? type, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetDisplayNameAsync(OAuthClient application, string? name, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetDisplayNamesAsync(OAuthClient application, ImmutableDictionary<CultureInfo, string> names, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetJsonWebKeySetAsync(OAuthClient application, JsonWebKeySet? set, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetPermissionsAsync(OAuthClient application, ImmutableArray<string> permissions, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetPostLogoutRedirectUrisAsync(OAuthClient application, ImmutableArray<string> uris, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetPropertiesAsync(
        OAuthClient application, ImmutableDictionary<string, JsonElement> properties, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetRedirectUrisAsync(OAuthClient application, ImmutableArray<string> uris, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetRequirementsAsync(OAuthClient application, ImmutableArray<string> requirements, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetSettingsAsync(OAuthClient application, ImmutableDictionary<string, string> settings, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask UpdateAsync(OAuthClient application, CancellationToken ct) => throw Unsupported.Member();
}
