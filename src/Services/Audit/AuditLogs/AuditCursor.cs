namespace EnvPlatform.Audit.AuditLogs;

/// <summary>A position in a list of audit events: the sort value (null where the number sorts) and the number of an event.</summary>
internal sealed record AuditCursor(string? Value, long Seq);
