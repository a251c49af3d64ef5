using System.Text.Json;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>One event of an audit log.</summary>
internal static class GetAuditLog
{
    public static void MapGetAuditLog(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/{id}", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetAuditLog))
            .WithSummary("One event of an audit log.").WithMetadata(AuditReaders.OrganizationParameter);

    private static async Task<Results<Ok<AuditEvent>, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        string id, HttpContext http, NpgsqlDataSource db, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        if (!Guid.TryParse(id, out var eventId))
        {
            return TypedResults.UnprocessableEntity(InvalidRequest.Of("path", "id", "Input should be a valid UUID.", "uuid_parsing"));
        }

        var entry = await db.QuerySingleOrDefaultAsync<byte[]>(
            """
            select e.entry from audit_event_ids as i
            join audit_events as e on e.org_id = i.org_id and e.seq = i.seq and e.recorded_at = i.recorded_at
            where i.org_id = @Log and i.event_id = @eventId
            """, new { query.Log, eventId }, ct);
        return entry is null ? Problems.NotFound() : TypedResults.Ok(JsonSerializer.Deserialize<AuditEvent>(entry, Json.Options)!);
    }
}
