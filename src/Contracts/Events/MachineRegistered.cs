using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A machine was registered, or its details changed. Published by Identity; consumed by Ingest (lists show the host name) and Policy
/// (policies name machines).
/// </summary>
[Event(PublishedBy = ["identity"], ConsumedBy = ["ingest", "policy"])]
public sealed record MachineRegistered(
    OrganizationId OrganizationId, MachineId MachineId, SubjectId Owner, string Hostname, string Platform, string AgentVersion,
    DateTimeOffset RegisteredAt);
