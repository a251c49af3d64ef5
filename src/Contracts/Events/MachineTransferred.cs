using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// An administrator gave a machine to another owner. Published by Identity, beside <see cref="MachineRegistered"/>, which does not tell a
/// transfer from a machine that was removed and registered by somebody else; consumed by Ingest (its environments are the new owner's).
/// </summary>
/// <param name="Owner">The user or service account that has it now.</param>
/// <param name="OwnerEmail">Null for a service account.</param>
/// <param name="TransferredAt">Later than any registration and transfer before it.</param>
[Event(PublishedBy = ["identity"], ConsumedBy = ["ingest"])]
public sealed record MachineTransferred(
    OrganizationId OrganizationId, MachineId MachineId, SubjectId Owner, string? OwnerEmail, string OwnerName, string Hostname,
    string Platform, DateTimeOffset TransferredAt);
