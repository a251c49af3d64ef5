using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// Somebody did something that the audit log keeps (the catalogue is <see cref="AuditActions"/>). Published by every service, in the
/// transaction of the change itself; consumed by Audit, which appends it once.
/// </summary>
/// <param name="EventId">Identifies this event permanently; the audit log keeps one entry for it, however often it arrives.</param>
/// <param name="OrganizationId">Null for events of no organization (a sign-in attempt with an unknown token): the operator's log.</param>
/// <param name="Message">A readable sentence.</param>
/// <param name="Meta">Details, before and after values; a JSON object. Holds no secret.</param>
[Event(ConsumedBy = ["audit"])]
public sealed record AuditEventOccurred(
    Guid EventId, OrganizationId? OrganizationId, string? OrganizationName, string ActionKey, AuditActor Actor, AuditTarget Target,
    string Service, string Message, JsonElement Meta, DateTimeOffset OccurredAt, string? SourceAddress, string? UserAgent,
    string? TraceId, string? RequestId);

/// <summary>Who did it. <paramref name="Type"/> is user, service_account or system.</summary>
public sealed record AuditActor(string Id, string? Email, string Type);

/// <summary>What it was done to. <paramref name="Type"/> is environment, machine, token, user, organization, vulnerability...</summary>
public sealed record AuditTarget(string Id, string? Email, string Type);
