using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>An environment was removed. Published by Ingest; consumed by Scanner and Policy, which forget it.</summary>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["scanner", "policy"])]
public sealed record EnvironmentRemoved(OrganizationId OrganizationId, EnvironmentId EnvironmentId, long Version, DateTimeOffset RemovedAt);
