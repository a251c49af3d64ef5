using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Audit.Exports;

/// <summary>An export, as the API answers it.</summary>
/// <param name="Status">pending, running, completed or failed.</param>
/// <param name="Progress">0 to 100.</param>
/// <param name="TotalRecords">The events that it will hold; null before they are counted.</param>
/// <param name="DownloadUrl">The path of its content; null until it is completed.</param>
/// <param name="ExpiresAt">When it is removed.</param>
public sealed record ExportJob(
    Guid Id, OrganizationId OrgId, string Status, int Progress, long? TotalRecords, string? DownloadUrl, string? ErrorMessage,
    DateTimeOffset CreatedAt, DateTimeOffset? CompletedAt, DateTimeOffset ExpiresAt, string Format)
{
    internal static ExportJob Of(Export export) => new(
        export.Id, export.OrgId, export.Status,
        export.Status == Export.Completed ? 100 : export.Total is > 0 and var total ? (int)Math.Min(99, export.Written * 100 / total) : 0,
        export.Total, export.Status == Export.Completed ? $"/api/audit-logs/export/{export.Id}/download" : null, export.Error,
        export.CreatedAt, export.CompletedAt, export.ExpiresAt, export.Format);
}
