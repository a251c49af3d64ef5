using System.Globalization;
using System.Text.Json;

using Dapper;

using EnvPlatform.Audit.Formats;
using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;

using Npgsql;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// Lists the events of an audit log. Pages are taken by offset, or by the cursors of the <c>Link</c> header (RFC 8288). Ascending by
/// <c>seq</c> without an end there is always a next page, on which later events appear: a reader that follows it misses none, and may wait
/// for them (<c>Prefer: wait=20</c>, RFC 7240).
/// </summary>
internal static class ListAuditLogs
{
    /// <param name="TotalCount">How many events pass the filters, exactly.</param>
    /// <param name="NextCursor">To be passed as <c>after</c>; null on the last page.</param>
    public sealed record Page(IReadOnlyList<AuditEvent> Items, long TotalCount, string? NextCursor);

    public static void MapListAuditLogs(this IEndpointRouteBuilder logs) =>
        logs.MapGet("", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(ListAuditLogs))
            .WithSummary("The events of an audit log.");

    private static async Task<Results<Ok<Page>, FileContentHttpResult, UnprocessableEntity<InvalidRequest>>> HandleAsync(
        AuditQuery query, HttpContext http, NpgsqlDataSource db, FollowAppends appends, TimeProvider clock, CancellationToken ct)
    {
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        var parameters = new DynamicParameters(new { OrgId = query.Log, query.From, query.Until, Limit = query.Limit + 1, query.Offset });
        var where = Where(query, parameters);
        var backward = query.Before is not null;
        var direction = query.Descending == backward ? "asc" : "desc";
        var order = query.SortColumn == "seq" ? $"seq {direction}" : $"{query.SortColumn} {direction}, seq {direction}";
        var statement =
            $"""
            select entry from audit_events where {where}{Position(query, parameters, direction)} order by {order}
            limit @Limit offset @Offset
            """;
        var entries = await db.QueryAsync<byte[]>(statement, parameters, ct);
        if (entries.Count == 0 && query.Wait is { } seconds)
        {
            http.Response.Headers[Preference.AppliedHeader] = $"wait={seconds}";
            entries = await AwaitAsync(db, statement, parameters, query.Log, TimeSpan.FromSeconds(seconds), appends, clock, ct);
        }

        var total = query is { Filters.Count: 0, From: null, Until: null, Search: null }
            ? await db.QuerySingleOrDefaultAsync<long?>("select size from audit_heads where org_id = @OrgId", parameters, ct) ?? 0
            : await db.QuerySingleAsync<long>($"select count(*) from audit_events where {where}", parameters, ct);
        var more = entries.Count > query.Limit;
        var items = entries.Take(query.Limit).Select(entry => JsonSerializer.Deserialize<AuditEvent>(entry, Json.Options)!).ToList();
        if (backward)
        {
            items.Reverse();
        }

        var next = items.Count > 0 && (more || backward || query.Polls) ? query.ToText(CursorOf(items[^1], query))
            : query.Polls ? query.ToText(query.After ?? new AuditCursor(null, 0)) : null;
        var previous = items.Count > 0 && (backward ? more : query.After is not null || query.Offset > 0)
            ? query.ToText(CursorOf(items[0], query))
            : null;
        Link(http, next, previous);
        if (query.Format == AuditFormats.Json)
        {
            return TypedResults.Ok(new Page(items, total, next));
        }

        var page = entries.Take(query.Limit);
        return TypedResults.Bytes(
            [
                .. AuditFormats.Header(query.Format),
                .. (backward ? page.Reverse() : page).SelectMany(entry => AuditFormats.Line(query.Format, entry)),
            ], AuditFormats.ContentTypeOf(query.Format));
    }

    /// <summary>Reads again whenever the log has grown, until the page is not empty or the time is up.</summary>
    private static async Task<List<byte[]>> AwaitAsync(
        NpgsqlDataSource db, string page, DynamicParameters parameters, OrganizationId log, TimeSpan time, FollowAppends appends,
        TimeProvider clock, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            // The size first: what is appended between the two reads is on the page or ends the wait.
            var size = await appends.SizeAsync(log, ct);
            var entries = await db.QueryAsync<byte[]>(page, parameters, ct);
            var left = time - clock.GetElapsedTime(began);
            if (entries.Count > 0 || left <= TimeSpan.Zero || !await appends.WaitAsync(log, size, left, clock, ct))
            {
                return entries;
            }
        }
    }

    /// <summary>The condition for the events of the log that pass the filters; its values become parameters.</summary>
    internal static string Where(AuditQuery query, DynamicParameters parameters)
    {
        var conditions = new List<string> { "org_id = @OrgId" };
        if (query.From is not null)
        {
            conditions.Add("occurred_at >= @From");
        }

        if (query.Until is not null)
        {
            conditions.Add("occurred_at < @Until");
        }

        if (query.Search is not null)
        {
            parameters.Add("Search", query.Search);
            conditions.Add(
                "audit_words(message, target_id, target_email, target_type) @@ websearch_to_tsquery('simple'::regconfig, @Search)");
        }

        var filters = query.Filters.Select((filter, i) => (filter.Excludes, Sql: filter.ToSql(parameters, i))).ToList();
        conditions.AddRange(filters.Where(filter => filter.Excludes).Select(filter => filter.Sql));
        var included = filters.Where(filter => !filter.Excludes).Select(filter => filter.Sql).ToList();
        if (included.Count > 0)
        {
            conditions.Add($"({string.Join(query.MatchAll ? " and " : " or ", included)})");
        }

        return string.Join(" and ", conditions);
    }

    /// <summary>The condition for events after the cursor, in reading direction.</summary>
    private static string Position(AuditQuery query, DynamicParameters parameters, string direction)
    {
        if ((query.After ?? query.Before) is not { } cursor)
        {
            return "";
        }

        parameters.Add("Seq", cursor.Seq);
        var compares = direction == "asc" ? ">" : "<";
        if (query.SortColumn == "seq")
        {
            return $" and seq {compares} @Seq";
        }

        parameters.Add("Value", query.SortColumn == "occurred_at"
            ? DateTimeOffset.Parse(cursor.Value!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal
                | DateTimeStyles.AdjustToUniversal) : cursor.Value);
        return $" and ({query.SortColumn}, seq) {compares} (@Value, @Seq)";
    }

    private static AuditCursor CursorOf(AuditEvent item, AuditQuery query) => query.SortColumn switch
    {
        "occurred_at" => new(item.OccurredAt.ToString("O", CultureInfo.InvariantCulture), item.Seq),
        "action_key" => new(item.ActionKey, item.Seq),
        _ => new(null, item.Seq),
    };

    private static void Link(HttpContext http, string? next, string? previous)
    {
        var rest = http.Request.Query.Where(pair => pair.Key is not ("after" or "before" or "offset")).ToList();
        string To(string parameter, string cursor) => QueryHelpers.AddQueryString(http.Request.Path, [.. rest, new(parameter, cursor)]);
        string[] links =
        [
            .. next is null ? [] : new[] { $"<{To("after", next)}>; rel=\"next\"" },
            .. previous is null ? [] : new[] { $"<{To("before", previous)}>; rel=\"prev\"" },
        ];
        if (links.Length > 0)
        {
            http.Response.Headers.Link = string.Join(", ", links);
        }
    }
}
