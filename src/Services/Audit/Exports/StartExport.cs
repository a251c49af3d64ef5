using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>Starts an export of the events of a log, until now, that pass filters.</summary>
internal static class StartExport
{
    private const int MaxBody = 262_144;

    /// <param name="Q">Filters, as in the list.</param>
    /// <param name="SearchOperator">or (default) or and.</param>
    /// <param name="Search">As in the list.</param>
    /// <param name="FromDate">As in the list.</param>
    /// <param name="ToDate">As in the list.</param>
    /// <param name="Format">jsonl (default), csv, cloudevents, ocsf or cef.</param>
    public sealed record ExportRequest(
        IReadOnlyList<string>? Q, string? SearchOperator, string? Search, string? FromDate, string? ToDate, string? Format);

    public static void MapStartExport(this IEndpointRouteBuilder logs) =>
        logs.MapPost("/export", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(StartExport))
            .WithSummary("Starts an export of an audit log.").WithMetadata(AuditReaders.OrganizationParameter)
            .Accepts<ExportRequest>("application/json")
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Accepted<ExportJob>, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        HttpContext http, Caller caller, NpgsqlDataSource db, IOptions<AuditOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        await ReadAsync(http, query, ct);
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        var now = AuditEntry.ToMicroseconds(clock.GetUtcNow());
        await using var tx = await db.BeginAsync(ct);
        // One after the other for an organization, so that two do not pass its limit together.
        await tx.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended(@Log::text, 1))", new { query.Log });
        var counts = await tx.QuerySingleAsync<Counts>(
            """
            select count(*) filter (where status in ('pending', 'running')) as open, count(*) as kept from audit_exports
            where org_id = @Log and expires_at > @now
            """, new { query.Log, now });
        if (counts.Open >= options.Value.OpenExports || counts.Kept >= options.Value.KeptExports)
        {
            http.Response.Headers.RetryAfter = "60";
            return Problems.Of(
                StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
                $"The organization has {counts.Open} unfinished exports and {counts.Kept} that are kept; "
                + $"it may have {options.Value.OpenExports} and {options.Value.KeptExports}.");
        }

        var export = await tx.QuerySingleAsync<Export>(
            $"""
            insert into audit_exports (id, org_id, format, filters, match_all, search, from_time, until_time, until_seq, leased_until,
                created_at, expires_at)
            values (@Id, @Log, @Format, @Filters, @MatchAll, @Search, @From, @Until,
                coalesce((select size from audit_heads where org_id = @Log), 0), @now, @now, @ExpiresAt)
            returning {Export.Columns}
            """,
            new
            {
                Id = Guid.CreateVersion7(now),
                query.Log,
                query.Format,
                query.Search,
                Filters = query.Texts.ToArray(),
                query.MatchAll,
                query.From,
                query.Until,
                now,
                ExpiresAt = now.AddHours(options.Value.ExportHours),
            });
        tx.Audit(
            caller, now, "audit_log_export_requested", new AuditTarget($"{export.Id}", null, "audit_log_export"),
            $"{caller.Email ?? caller.SubjectType} asked for an export of the audit log.",
            new { export.Format, q = export.Filters, export.Search, from = export.FromTime, until = export.UntilTime, export.UntilSeq });
        await tx.ExecuteAsync(RunExports.Notify);
        await tx.CommitAsync();
        return TypedResults.Accepted($"/api/audit-logs/export/{export.Id}", ExportJob.Of(export));
    }

    private static async Task ReadAsync(HttpContext http, AuditQuery query, CancellationToken ct)
    {
        JsonElement body;
        try
        {
            using var buffer = new MemoryStream();
            await http.Request.Body.CopyToAsync(buffer, ct);
            if (buffer.Length > MaxBody)
            {
                query.Refuse("body", "q", $"The request may have {MaxBody} bytes.", "too_long");
                return;
            }

            // The same as an empty object: everything.
            body = buffer.Length == 0 ? JsonDocument.Parse("{}").RootElement : JsonDocument.Parse(buffer.ToArray()).RootElement;
        }
        catch (JsonException)
        {
            query.Refuse("body", "", "Input should be JSON.", "json_invalid");
            return;
        }

        query.ReadBody(body);
    }

    private sealed record Counts(long Open, long Kept);
}
