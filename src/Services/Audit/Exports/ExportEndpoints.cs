using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Audit.Exports;

/// <summary>Exports of audit logs: start, follow, download with manifest and proof.</summary>
internal static class ExportEndpoints
{
    public static void AddExports(this IHostApplicationBuilder builder)
    {
        builder.Services.AddListeningWork<RunExports>();
        builder.Services.AddPeriodicWork<DropExports>();
    }

    public static void MapExports(this IEndpointRouteBuilder logs)
    {
        logs.MapStartExport();
        logs.MapGetExport();
        logs.MapDownloadExport();
        logs.MapGetExportManifest();
        logs.MapGetExportProof();
    }
}
