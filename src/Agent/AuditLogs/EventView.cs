namespace EnvPlatform.Agent.AuditLogs;

/// <summary>An event of the audit log, as far as people are shown of it.</summary>
internal sealed record EventView(
    long Seq, string ActionKey, string ActorId, string? ActorEmail, string ActorType, string TargetId, string? TargetEmail,
    string TargetType, string Message, DateTimeOffset OccurredAt)
{
    /// <summary>Who did it: an address where it has one.</summary>
    public string Actor => ActorEmail ?? (ActorType == "system" ? "the platform" : ActorId);

    public string Target => TargetEmail ?? TargetId;
}

/// <summary>An export and how far it is.</summary>
/// <param name="Status">pending, running, completed or failed.</param>
internal sealed record ExportView(Guid Id, string Status, int Progress, long? TotalRecords, string? ErrorMessage, string Format);

/// <summary>What an export holds.</summary>
/// <param name="Sha256">Of the content, in hexadecimal digits.</param>
internal sealed record ExportManifestView(long Events, long Size, string Sha256);

/// <summary>What is to be exported.</summary>
internal sealed record ExportRequest(
    IReadOnlyList<string> Q, string SearchOperator, string? Search, string? FromDate, string? ToDate, string Format);
