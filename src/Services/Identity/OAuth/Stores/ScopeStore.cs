using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>The scopes, for the protocol engine: the permissions that are in the code, so that no table can differ from it.</summary>
internal sealed class ScopeStore : IOpenIddictScopeStore<string>
{
    public ValueTask<long> CountAsync(CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<long> CountAsync<TResult>(Func<IQueryable<string>, IQueryable<TResult>> query, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask CreateAsync(string scope, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask DeleteAsync(string scope, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> FindByIdAsync(string identifier, CancellationToken ct) =>
        new(Known(identifier));

    public ValueTask<string?> FindByNameAsync(string name, CancellationToken ct) =>
        new(Known(name));

    public IAsyncEnumerable<string> FindByNamesAsync(ImmutableArray<string> names, CancellationToken ct) =>
        names.Where(name => Known(name) is not null).ToAsyncEnumerable();

    public IAsyncEnumerable<string> FindByResourceAsync(string resource, CancellationToken ct) =>
        AsyncEnumerable.Empty<string>();

    public ValueTask<TResult?> GetAsync<TState, TResult>(
        Func<IQueryable<string>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask<string?> GetDescriptionAsync(string scope, CancellationToken ct) => new((string?)null);

    public ValueTask<ImmutableDictionary<CultureInfo, string>> GetDescriptionsAsync(string scope, CancellationToken ct) =>
        new(ImmutableDictionary<CultureInfo, string>.Empty);

    public ValueTask<string?> GetDisplayNameAsync(string scope, CancellationToken ct) => new(scope);

    public ValueTask<ImmutableDictionary<CultureInfo, string>> GetDisplayNamesAsync(string scope, CancellationToken ct) =>
        new(ImmutableDictionary<CultureInfo, string>.Empty);

    public ValueTask<string?> GetIdAsync(string scope, CancellationToken ct) => new(scope);

    public ValueTask<string?> GetNameAsync(string scope, CancellationToken ct) => new(scope);

    public ValueTask<ImmutableDictionary<string, JsonElement>> GetPropertiesAsync(string scope, CancellationToken ct) =>
        new(ImmutableDictionary<string, JsonElement>.Empty);

    public ValueTask<ImmutableArray<string>> GetResourcesAsync(string scope, CancellationToken ct) => new([]);

    public ValueTask<string> InstantiateAsync(CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<string> ListAsync(int? count, int? offset, CancellationToken ct) => throw Unsupported.Member();

    public IAsyncEnumerable<TResult> ListAsync<TState, TResult>(
        Func<IQueryable<string>, TState, IQueryable<TResult>> query, TState state, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetDescriptionAsync(string scope, string? description, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetDescriptionsAsync(string scope, ImmutableDictionary<CultureInfo, string> descriptions, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetDisplayNameAsync(string scope, string? name, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetDisplayNamesAsync(string scope, ImmutableDictionary<CultureInfo, string> names, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetNameAsync(string scope, string? name, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask SetPropertiesAsync(string scope, ImmutableDictionary<string, JsonElement> properties, CancellationToken ct) =>
        throw Unsupported.Member();

    public ValueTask SetResourcesAsync(string scope, ImmutableArray<string> resources, CancellationToken ct) => throw Unsupported.Member();

    public ValueTask UpdateAsync(string scope, CancellationToken ct) => throw Unsupported.Member();

    private static string? Known(string name) => OAuthClient.AllScopes.FirstOrDefault(scope => scope == name);
}
