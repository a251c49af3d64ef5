using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// An environment was archived or unarchived. Archived environments can still be used and are still scanned.
/// Published by Ingest; consumed by Scanner (lists omit archived environments by default).
/// </summary>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["scanner"])]
public sealed record EnvironmentArchived(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, bool Archived, long Version, DateTimeOffset ChangedAt);
