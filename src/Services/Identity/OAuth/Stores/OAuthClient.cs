using System.Security.Cryptography;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>A program that may ask for tokens: one that people let act for them, or a service account.</summary>
/// <param name="SecretSha256">Null: a public client, or a service account, whose secrets are verified elsewhere.</param>
/// <param name="Native">It runs on people's machines: the port of a loopback redirect address is free (RFC 8252 section 7.3).</param>
/// <param name="Scopes">That it may ask for; null: any.</param>
internal sealed record OAuthClient(
    string Id, string Name, byte[]? SecretSha256, bool Native, string[] RedirectUris, string[] GrantTypes, string[]? Scopes)
{
    /// <summary>The client of the command line, which is always there.</summary>
    public const string CommandLine = "envplatform-cli";

    /// <summary>The scopes that there are: the permissions, and the account as a whole.</summary>
    public static IReadOnlyList<string> AllScopes { get; } = [.. Permission.All.Select(permission => permission.Name), Access.Account];

    public bool IsPublic => SecretSha256 is null && !SubjectId.TryParse(Id, out _);

    /// <summary>Whether it shows what it must: its secret, compared in constant time, or none where it has none.</summary>
    public bool Shows(string? secret) => SecretSha256 is { } sha256
        ? secret is not null && CryptographicOperations.FixedTimeEquals(SecretFormat.Sha256(secret), sha256)
        : string.IsNullOrEmpty(secret);

    /// <summary>What the protocol engine lets it do, in the engine's words: endpoints, grants, response types, scopes.</summary>
    public IEnumerable<string> Permissions =>
    [
        OpenIddictConstants.Permissions.Endpoints.Token,
        OpenIddictConstants.Permissions.Endpoints.Authorization,
        OpenIddictConstants.Permissions.Endpoints.DeviceAuthorization,
        OpenIddictConstants.Permissions.ResponseTypes.Code,
        .. GrantTypes.Select(type => OpenIddictConstants.Permissions.Prefixes.GrantType + type),
        .. (Scopes ?? AllScopes).Select(scope => OpenIddictConstants.Permissions.Prefixes.Scope + scope),
    ];
}
