using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>The export that a request is about, when it is complete; otherwise the answer.</summary>
internal sealed record CompletedExport(Export? Export, IResult? Refusal)
{
    public static async Task<CompletedExport> FindAsync(
        string job, HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        query.CheckId(job, "job");
        if (query.Errors is { } errors)
        {
            return new(null, TypedResults.UnprocessableEntity(errors));
        }

        return await Exports.Export.FindAsync(db, query.Log, job, clock.GetUtcNow(), ct) switch
        {
            null => new(null, Problems.NotFound()),
            { Status: Exports.Export.Completed } export => new(export, null),
            var export => new(null, Problems.Conflict("export_not_completed", $"The export is {export.Status}.")),
        };
    }
}
