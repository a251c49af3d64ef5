using System.Collections.Immutable;
using System.Text.Json;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>
/// Grants, for the protocol engine. It creates those of devices that wait for somebody; those of people are made where they are given, and
/// all are ended by <see cref="OAuthGrants"/>.
/// </summary>
internal sealed class GrantStore(OAuthTx transaction) : IOpenIddictAuthorizationStore<OAuthGrant>
{
    public ValueTask<long> CountAsync(CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> CountAsync<TResult>(Func<IQueryable<OAuthGrant>, IQueryable<TResult>> query, CancellationToken ct) =>
        throw Unsupported.Member();

    public async ValueTask CreateAsync(OAuthGrant authorization, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        await tx.ExecuteAsync(
            """
            insert into oauth_grants (id, client_id, subject_id, method, type, status, scopes, created_at)
            values (@Id, @ClientId, @SubjectId, 'device', @Type, @Status, @Scopes, @CreatedAt)
            """, authorization);
    }

    public ValueTask DeleteAsync(OAuthGrant authorization, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<OAuthGrant> FindAsync(
        string? subject, string? client, string? status, string? type, ImmutableArray<string>? scopes, CancellationToken ct) =>
        throw Unsupported.Member();

    public IAsyncEnumerable<OAuthGrant> FindByApplicationIdAsync(string identifier, CancellationToken ct) => throw Unsupported.Member();

    public async ValueTask<OAuthGrant?> FindByIdAsync(string identifier, CancellationToken ct)
    {
        var tx = await transaction.GetAsync();
        return Guid.TryParse(identifier, out var id)
            ? await tx.QuerySingleOrDefaultAsync<OAuthGrant>(
                """
                select id, client_id, subject_id, org_id, method, type, status, scopes, created_at, hostname, source_address, asked_org,
                    poll_seconds, polled_at
                from oauth_grants
                where id = @id
                """, new { id })
            : null;
    }

    public IAsyncEnumerable<OAuthGrant> FindBySubjectAsync(string subject, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> GetApplicationIdAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.ClientId);

    public ValueTask<TResult?> GetAsync<TState, TResult>(
        Func<IQueryable<OAuthGrant>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<DateTimeOffset?> GetCreationDateAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.CreatedAt);

    public ValueTask<string?> GetIdAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.Id.ToString());

    public ValueTask<ImmutableDictionary<string, JsonElement>> GetPropertiesAsync(OAuthGrant authorization, CancellationToken ct) =>
        new(ImmutableDictionary<string, JsonElement>.Empty);

    public ValueTask<ImmutableArray<string>> GetScopesAsync(OAuthGrant authorization, CancellationToken ct) =>
        new([.. authorization.Scopes]);

    public ValueTask<string?> GetStatusAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.Status);

    public ValueTask<string?> GetSubjectAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.SubjectId?.ToString());

    public ValueTask<string?> GetTypeAsync(OAuthGrant authorization, CancellationToken ct) => new(authorization.Type);

    public ValueTask<OAuthGrant> InstantiateAsync(CancellationToken ct) =>
        new(new OAuthGrant { Id = Guid.CreateVersion7() });

    public IAsyncEnumerable<OAuthGrant> ListAsync(int? count, int? offset, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<TResult> ListAsync<TState, TResult>(
        Func<IQueryable<OAuthGrant>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<long> PruneAsync(DateTimeOffset threshold, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> RevokeAsync(string? subject, string? client, string? status, string? type, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask<long> RevokeByApplicationIdAsync(string identifier, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> RevokeBySubjectAsync(string subject, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetApplicationIdAsync(OAuthGrant authorization, string? identifier, CancellationToken ct) =>
        Set(() => authorization.ClientId = identifier ?? "");

    public ValueTask SetCreationDateAsync(OAuthGrant authorization, DateTimeOffset? date, CancellationToken ct) =>
        Set(() => authorization.CreatedAt = date ?? default);

    public ValueTask SetPropertiesAsync(
        OAuthGrant authorization, ImmutableDictionary<string, JsonElement> properties, CancellationToken ct) =>
        Set(() => Unsupported.Refuse(properties));

    public ValueTask SetScopesAsync(OAuthGrant authorization, ImmutableArray<string> scopes, CancellationToken ct) =>
        Set(() => authorization.Scopes = [.. scopes]);

    public ValueTask SetStatusAsync(OAuthGrant authorization, string? status, CancellationToken ct) =>
        Set(() => authorization.Status = status ?? "");

    public ValueTask SetSubjectAsync(OAuthGrant authorization, string? subject, CancellationToken ct) =>
        Set(() => authorization.SubjectId = subject is null ? null : Guid.Parse(subject));

    public ValueTask SetTypeAsync(OAuthGrant authorization, string? type, CancellationToken ct) =>
        Set(() => authorization.Type = type ?? "");

    public ValueTask UpdateAsync(OAuthGrant authorization, CancellationToken ct) => throw Unsupported.Member();

    private static ValueTask Set(Action set)
    {
        set();
        return ValueTask.CompletedTask;
    }
}
