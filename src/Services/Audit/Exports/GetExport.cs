using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>How far an export is.</summary>
internal static class GetExport
{
    public static void MapGetExport(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/export/{job}", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetExport))
            .WithSummary("The state of an export.").WithMetadata(AuditReaders.OrganizationParameter);

    private static async Task<Results<Ok<ExportJob>, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        string job, HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        query.CheckId(job, "job");
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        return await Export.FindAsync(db, query.Log, job, clock.GetUtcNow(), ct) is { } export
            ? TypedResults.Ok(ExportJob.Of(export))
            : Problems.NotFound();
    }
}
