using EnvPlatform.Audit.AuditLogs;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Audit.Proofs;

/// <summary>The latest signed checkpoint of a log (C2SP tlog-checkpoint): its size and root, at most ten minutes old.</summary>
internal static class GetCheckpoint
{
    public static void MapGetCheckpoint(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/checkpoint", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetCheckpoint))
            .WithSummary("The latest signed checkpoint of an audit log.").WithMetadata(AuditReaders.OrganizationParameter)
            .Produces<string>(StatusCodes.Status200OK, "text/plain");

    private static async Task<Results<ContentHttpResult, UnprocessableEntity<InvalidRequest>>> HandleAsync(
        HttpContext http, SignCheckpoints checkpoints, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Text((await checkpoints.LatestAsync(query.Log, 0, ct))!.Note, "text/plain; charset=utf-8");
    }
}
