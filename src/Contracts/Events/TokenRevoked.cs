using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A token is void from now on, or what its subject may do has changed. Published by Identity; consumed by every gateway, which drops what
/// it remembers of these tokens.
/// </summary>
public sealed record TokenRevoked(IReadOnlyList<TokenId> Tokens, DateTimeOffset RevokedAt);
