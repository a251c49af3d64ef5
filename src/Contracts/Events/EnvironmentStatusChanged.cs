using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts.Events;

/// <summary>An environment has another status or message. Published by Policy; consumed by Ingest (the list).</summary>
/// <param name="Version">Grows with each change of the status of this environment; drops stale events.</param>
public sealed record EnvironmentStatusChanged(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, EnvironmentStatus Status, string? Message, long Version,
    DateTimeOffset ChangedAt);
