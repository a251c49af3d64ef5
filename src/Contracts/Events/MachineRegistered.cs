using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A machine was registered, or says something new of itself. Published by Identity; consumed by Ingest (lists name the host).
/// </summary>
public sealed record MachineRegistered(
    OrganizationId OrganizationId, MachineId MachineId, SubjectId Owner, string Hostname, string Platform, string AgentVersion,
    DateTimeOffset RegisteredAt);
