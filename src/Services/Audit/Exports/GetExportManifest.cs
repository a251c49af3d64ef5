using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Proofs;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>What an export holds, so that whoever has it can tell that it is whole, and prove its events.</summary>
internal static class GetExportManifest
{
    /// <param name="Log">The log's name in its checkpoints.</param>
    /// <param name="Q">The filters.</param>
    /// <param name="Until">The first moment that is too late.</param>
    /// <param name="FirstSeq">0 where it holds no event.</param>
    /// <param name="Sha256">Of the content, in hexadecimal digits.</param>
    /// <param name="Checkpoint">The signed checkpoint of a tree that has all events of the export (C2SP tlog-checkpoint).</param>
    public sealed record ExportManifest(
        Guid Id, string Log, string Format, IReadOnlyList<string> Q, string SearchOperator, string? Search, DateTimeOffset? From,
        DateTimeOffset? Until, long Events, long FirstSeq, long LastSeq, long Size, string Sha256, DateTimeOffset CreatedAt,
        string Checkpoint);

    public static void MapGetExportManifest(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/export/{job}/manifest", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetExportManifest))
            .WithSummary("What an export holds: counts, SHA-256, signed checkpoint.").WithMetadata(AuditReaders.OrganizationParameter)
            .Produces<ExportManifest>()
            .Produces<InvalidRequest>(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<IResult> HandleAsync(
        string job, HttpContext http, NpgsqlDataSource db, SigningKeys keys, TimeProvider clock, CancellationToken ct)
    {
        var (export, refusal) = await CompletedExport.FindAsync(job, http, db, clock, ct);
        return export is null ? refusal! : TypedResults.Ok(new ExportManifest(
            export.Id, keys.OriginOf(export.OrgId), export.Format, export.Filters, export.MatchAll ? "and" : "or",
            export.Search, export.FromTime, export.UntilTime, export.Written, export.FirstSeq ?? 0, export.LastSeq ?? 0, export.Bytes,
            Convert.ToHexStringLower(export.Sha256!), export.CreatedAt, export.Checkpoint!));
    }
}
