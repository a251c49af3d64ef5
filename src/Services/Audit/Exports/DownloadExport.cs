using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Formats;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Net.Http.Headers;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>The content of an export, whole or a range of its bytes (RFC 9110, section 14).</summary>
internal static class DownloadExport
{
    public static void MapDownloadExport(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/export/{job}/download", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(DownloadExport))
            .WithSummary("The events of an export.").WithMetadata(AuditReaders.OrganizationParameter)
            .Produces<byte[]>(StatusCodes.Status200OK, "application/jsonl")
            .Produces<InvalidRequest>(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<IResult> HandleAsync(
        string job, HttpContext http, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var (export, refusal) = await CompletedExport.FindAsync(job, http, db, clock, ct);
        if (export is null)
        {
            return refusal!;
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            tx.Audit(
                caller, clock.GetUtcNow(), "audit_log_export_downloaded", new AuditTarget($"{export.Id}", null, "audit_log_export"),
                $"{caller.Email ?? caller.SubjectType} downloaded an export of the audit log.",
                new
                {
                    events = export.Written,
                    export.FirstSeq,
                    export.LastSeq,
                    export.Format,
                    range = http.Request.Headers.Range.ToString(),
                });
            await tx.CommitAsync();
        }

        return TypedResults.Stream(
            await ExportContent.OpenAsync(db, export.Id, ct), AuditFormats.ContentTypeOf(export.Format),
            $"{export.FileName}.{AuditFormats.ExtensionOf(export.Format)}", export.CompletedAt,
            new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(export.Sha256!)}\""), enableRangeProcessing: true);
    }
}
