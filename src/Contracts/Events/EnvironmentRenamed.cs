using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>An environment has a new name or prefix. Published by Ingest; consumed by Scanner and Policy.</summary>
/// <param name="Platform">As conda names it; null in messages of before it was told.</param>
/// <param name="Version">The environment's version, as in <see cref="EnvironmentLogged"/>.</param>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["scanner", "policy"])]
public sealed record EnvironmentRenamed(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, MachineId MachineId, string Prefix, string Name, string? Platform,
    long Version, DateTimeOffset RenamedAt);
