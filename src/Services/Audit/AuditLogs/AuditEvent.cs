using System.Text.Json;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>An event of the audit log, as the API returns it.</summary>
/// <param name="OrgId">The organization; zeros for the platform itself.</param>
/// <param name="Seq">Its number in the organization's log: 1, 2, 3... in the order in which events were stored.</param>
/// <param name="ActorType">user, service_account or system.</param>
/// <param name="Message">A readable sentence.</param>
/// <param name="Meta">
/// Details, before and after values. Where they were too large, <c>truncated</c> names the <c>fields</c> that are not whole, with the
/// <c>sha256</c> and <c>size</c> of all of them.
/// </param>
/// <param name="CreatedAt">When the log stored it; to the microsecond.</param>
public sealed record AuditEvent(
    Guid Id, OrganizationId OrgId, string OrgName, long Seq, string Category, string ActionKey, string ActionVerb, string ActorId,
    string? ActorEmail, string ActorType, string TargetId, string? TargetEmail, string TargetType, string ServiceName, string Message,
    JsonElement Meta, DateTimeOffset OccurredAt, DateTimeOffset CreatedAt, string? SourceAddress, string? UserAgent,
    string? TraceId, string? RequestId);
