using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A token was revoked, or its subject's permissions changed. Published by Identity; consumed by every gateway, which drops its cached
/// answers for these tokens.
/// </summary>
[Event(PublishedBy = ["identity"], ConsumedBy = ["gateway"])]
public sealed record TokenRevoked(IReadOnlyList<TokenId> Tokens, DateTimeOffset RevokedAt);
