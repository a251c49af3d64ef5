using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>An environment has a new status or message. Published by Policy; consumed by Ingest (the list).</summary>
/// <param name="Version">Grows with each change of this environment's status; used to drop stale events.</param>
[Event(PublishedBy = ["policy"], ConsumedBy = ["ingest", "policy"])]
public sealed record EnvironmentStatusChanged(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, EnvironmentStatus Status, string? Message, long Version,
    DateTimeOffset ChangedAt);
