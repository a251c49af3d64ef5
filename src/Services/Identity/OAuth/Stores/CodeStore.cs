using System.Collections.Immutable;
using System.Text.Json;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>
/// Codes and refresh tokens, for the protocol engine. Requests that present one of the same grant follow one another: the first locks the
/// grant until it commits, so that of two with the same token the second sees that it was used. Access tokens are in <c>tokens</c>.
/// </summary>
internal sealed class CodeStore(OAuthTx transaction, TimeProvider clock) : IOpenIddictTokenStore<OAuthToken>
{
    private const string Columns =
        "id, grant_id, client_id, subject_id, type, status, reference_sha256, payload, created_at, expires_at, redeemed_at, version";

    public ValueTask<long> CountAsync(CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> CountAsync<TResult>(Func<IQueryable<OAuthToken>, IQueryable<TResult>> query, CancellationToken ct) =>
        throw Unsupported.Member();

    public async ValueTask CreateAsync(OAuthToken token, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        await tx.ExecuteAsync(
            """
            insert into oauth_tokens (
                id, grant_id, client_id, subject_id, type, status, reference_sha256, payload, created_at, expires_at, redeemed_at)
            values (
                @Id, @GrantId, @ClientId, @SubjectId, @Type, @Status, @ReferenceSha256, @Payload, @CreatedAt, @ExpiresAt, @RedeemedAt)
            """, token);
    }

    public ValueTask DeleteAsync(OAuthToken token, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<OAuthToken> FindAsync(string? subject, string? client, string? status, string? type, CancellationToken ct) =>
        throw Unsupported.Member();

    public IAsyncEnumerable<OAuthToken> FindByApplicationIdAsync(string identifier, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<OAuthToken> FindByAuthorizationIdAsync(string identifier, CancellationToken ct) => throw Unsupported.Member();

    public async ValueTask<OAuthToken?> FindByIdAsync(string identifier, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        return Guid.TryParse(identifier, out var id)
            ? await tx.QuerySingleOrDefaultAsync<OAuthToken>($"select {Columns} from oauth_tokens where id = @id", new { id })
            : null;
    }

    public async ValueTask<OAuthToken?> FindByReferenceIdAsync(string identifier, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        await tx.QuerySingleOrDefaultAsync<Guid?>(
            """
            select g.id
            from oauth_grants g
            where g.id = (select t.grant_id from oauth_tokens t where t.reference_sha256 = @identifier)
            for update
            """, new { identifier });
        return await tx.QuerySingleOrDefaultAsync<OAuthToken>(
            $"select {Columns} from oauth_tokens where reference_sha256 = @identifier", new { identifier });
    }

    public IAsyncEnumerable<OAuthToken> FindBySubjectAsync(string subject, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> GetApplicationIdAsync(OAuthToken token, CancellationToken ct) => new(token.ClientId);

    public ValueTask<TResult?> GetAsync<TState, TResult>(
        Func<IQueryable<OAuthToken>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<string?> GetAuthorizationIdAsync(OAuthToken token, CancellationToken ct) => new(token.GrantId.ToString());

    public ValueTask<DateTimeOffset?> GetCreationDateAsync(OAuthToken token, CancellationToken ct) => new(token.CreatedAt);

    public ValueTask<DateTimeOffset?> GetExpirationDateAsync(OAuthToken token, CancellationToken ct) => new(token.ExpiresAt);

    public ValueTask<string?> GetIdAsync(OAuthToken token, CancellationToken ct) => new(token.Id.ToString());

    public ValueTask<string?> GetPayloadAsync(OAuthToken token, CancellationToken ct) => new(token.Payload);

    public ValueTask<ImmutableDictionary<string, JsonElement>> GetPropertiesAsync(OAuthToken token, CancellationToken ct) =>
        new(ImmutableDictionary<string, JsonElement>.Empty);

    public ValueTask<DateTimeOffset?> GetRedemptionDateAsync(OAuthToken token, CancellationToken ct) => new(token.RedeemedAt);

    public ValueTask<string?> GetReferenceIdAsync(OAuthToken token, CancellationToken ct) => new(token.ReferenceSha256);

    public ValueTask<string?> GetStatusAsync(OAuthToken token, CancellationToken ct) => new(token.Status);

    public ValueTask<string?> GetSubjectAsync(OAuthToken token, CancellationToken ct) => new(token.SubjectId?.ToString());

    public ValueTask<string?> GetTypeAsync(OAuthToken token, CancellationToken ct) => new(token.Type);

    public ValueTask<OAuthToken> InstantiateAsync(CancellationToken ct) =>
        new(new OAuthToken { Id = Guid.CreateVersion7() });

    public IAsyncEnumerable<OAuthToken> ListAsync(int? count, int? offset, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<TResult> ListAsync<TState, TResult>(
        Func<IQueryable<OAuthToken>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<long> PruneAsync(DateTimeOffset threshold, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> RevokeAsync(string? subject, string? client, string? status, string? type, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<long> RevokeByApplicationIdAsync(string identifier, CancellationToken ct = default) => throw Unsupported.Member();

    public async ValueTask<long> RevokeByAuthorizationIdAsync(string identifier, CancellationToken ct)
    {
        await OAuthGrants.RevokeAsync(await transaction.GetAsync(), [Guid.Parse(identifier)], clock.GetUtcNow());
        return 1;
    }

    public ValueTask<long> RevokeBySubjectAsync(string subject, CancellationToken ct = default) => throw Unsupported.Member();

    public ValueTask SetApplicationIdAsync(OAuthToken token, string? identifier, CancellationToken ct) =>
        Set(() => token.ClientId = identifier ?? "");

    public ValueTask SetAuthorizationIdAsync(OAuthToken token, string? identifier, CancellationToken ct) =>
        Set(() => token.GrantId = Guid.Parse(identifier!));

    public ValueTask SetCreationDateAsync(OAuthToken token, DateTimeOffset? date, CancellationToken ct) =>
        Set(() => token.CreatedAt = date ?? default);

    public ValueTask SetExpirationDateAsync(OAuthToken token, DateTimeOffset? date, CancellationToken ct) =>
        Set(() => token.ExpiresAt = date);

    public ValueTask SetPayloadAsync(OAuthToken token, string? payload, CancellationToken ct) => Set(() => token.Payload = payload);

    public ValueTask SetPropertiesAsync(OAuthToken token, ImmutableDictionary<string, JsonElement> properties, CancellationToken ct) =>
        Set(() => Unsupported.Refuse(properties));

    public ValueTask SetRedemptionDateAsync(OAuthToken token, DateTimeOffset? date, CancellationToken ct) =>
        Set(() => token.RedeemedAt = date);

    public ValueTask SetReferenceIdAsync(OAuthToken token, string? identifier, CancellationToken ct) =>
        Set(() => token.ReferenceSha256 = identifier);

    public ValueTask SetStatusAsync(OAuthToken token, string? status, CancellationToken ct) => Set(() => token.Status = status ?? "");

    public ValueTask SetSubjectAsync(OAuthToken token, string? subject, CancellationToken ct) =>
        Set(() => token.SubjectId = subject is null ? null : Guid.Parse(subject));

    public ValueTask SetTypeAsync(OAuthToken token, string? type, CancellationToken ct) => Set(() => token.Type = type ?? "");

    public async ValueTask UpdateAsync(OAuthToken token, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        var version = await tx.QuerySingleOrDefaultAsync<long?>(
            """
            update oauth_tokens
            set grant_id = @GrantId, subject_id = @SubjectId, status = @Status, reference_sha256 = @ReferenceSha256, payload = @Payload,
                expires_at = @ExpiresAt, redeemed_at = @RedeemedAt, version = version + 1
            where id = @Id and version = @Version
            returning version
            """, token);
        token.Version = version ?? throw new OpenIddictExceptions.ConcurrencyException("The token was changed by another request.");
    }

    private static ValueTask Set(Action set)
    {
        set();
        return ValueTask.CompletedTask;
    }
}
