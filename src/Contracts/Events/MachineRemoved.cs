using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A machine was removed; the event holds its last details. Published by Identity; consumed by Ingest (it logs no more until it registers
/// again).
/// </summary>
[Event(PublishedBy = ["identity"], ConsumedBy = ["ingest"])]
public sealed record MachineRemoved(
    OrganizationId OrganizationId, MachineId MachineId, SubjectId Owner, string Hostname, string Platform, DateTimeOffset RemovedAt);
