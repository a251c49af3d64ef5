using System.Globalization;
using System.Reflection;

using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Primitives;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The parameters of a request to list audit events, with all of its errors.</summary>
internal sealed class AuditQuery : IEndpointParameterMetadataProvider
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1_000;

    /// <summary>Rows before an offset have to be scanned; cursors have no such limit.</summary>
    public const int MaxOffset = 100_000;

    private const int MaxFilters = 20;
    private readonly List<InvalidRequest.Error> _errors = [];
    private SignedCursor? _cursor;

    /// <summary>The log to read; meaningless when there are <see cref="Errors"/>.</summary>
    public OrganizationId Log { get; private set; }

    public List<AuditFilter> Filters { get; } = [];

    /// <summary>Whether an event must pass all filters, or any; excluding filters always apply.</summary>
    public bool MatchAll { get; private set; }

    /// <summary>occurred_at, seq or action_key; created_at is sorted by seq.</summary>
    public string SortColumn { get; private set; } = "occurred_at";

    public bool Descending { get; private set; } = true;

    public int Limit { get; private set; } = DefaultLimit;

    public int Offset { get; private set; }

    public DateTimeOffset? From { get; private set; }

    /// <summary>The first moment that is too late.</summary>
    public DateTimeOffset? Until { get; private set; }

    public AuditCursor? After { get; private set; }

    public AuditCursor? Before { get; private set; }

    /// <summary>Ascending by seq without an end time: a reader that follows the log, for which there is always a next page.</summary>
    public bool Polls => SortColumn == "seq" && !Descending && Until is null;

    /// <summary>
    /// Seconds to wait for events when there are none after the cursor; null where the reader does not follow the log, or does not want to
    /// wait.
    /// </summary>
    public int? Wait { get; private set; }

    public InvalidRequest? Errors => _errors.Count == 0 ? null : new(_errors);

    /// <summary>The headers and the log; enough for requests that list nothing.</summary>
    public static AuditQuery OfHeaders(HttpContext http)
    {
        var query = new AuditQuery();
        if (Caller.From(http) is { } caller && AuditReaders.LogOf(caller, http) is { } log)
        {
            query.Log = log;
        }
        else
        {
            query.Refuse(
                "header", RequestedOrganization.Header, "Field required: the caller belongs to no organization, or to several.", "missing");
        }

        if (http.Request.Headers.TryGetValue("X-API-Version", out var version) && version != "v1")
        {
            query.Refuse("header", "X-API-Version", "Input should be 'v1'.", "literal_error");
        }

        return query;
    }

    /// <summary>The headers, the log and the filters; enough for requests that have an order of their own.</summary>
    public static AuditQuery OfFilters(HttpContext http)
    {
        var query = OfHeaders(http);
        query.ReadFilters(http.Request.Query["q"]);
        query.ReadOperator(http.Request.Query["search_operator"]);
        return query;
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Describe(
        AuditReaders.OrganizationParameter,
        new("q", "column:value1,value2 - the column is any of the values; -column:value excludes; * in a value stands for any text.",
            Repeats: true),
        new("search_operator", "or (default): an event passes any of the filters; and: all of them."),
        new("sort", "occurred_at, created_at, seq or action_key; - before it for descending. -occurred_at by default."),
        new("limit", $"1 to {MaxLimit}, {DefaultLimit} by default.", Type: "integer"),
        new("offset", $"Events to pass over, at most {MaxOffset}; excludes the cursors.", Type: "integer"),
        new("from_date", "A date or an RFC 3339 time; that of the first event."),
        new("to_date", "A date or an RFC 3339 time, inclusive; that of the last event."),
        new("after", "The next_cursor of the page before."),
        new("before", "The cursor of the Link header's prev."),
        new(Preference.Header, "wait=N: a reader who follows the log (sort=seq, no to_date) and has seen all waits N seconds for events, "
            + $"at most {Preference.MaxWait}.", "header"));

    public static ValueTask<AuditQuery> BindAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        var query = OfFilters(http);
        var given = http.Request.Query;
        query.ReadSort(given["sort"]);
        query.Limit = query.ReadNumber(given["limit"], "limit", 1, MaxLimit, DefaultLimit);
        query.Offset = query.ReadNumber(given["offset"], "offset", 0, MaxOffset, 0);
        query.From = query.ReadTime(given["from_date"], "from_date", last: false);
        query.Until = query.ReadTime(given["to_date"], "to_date", last: true);
        query._cursor = new(
            http.RequestServices.GetRequiredService<ServiceSecret>().Derive("audit cursor"),
            string.Join('\n', [$"{query.Log}", query.SortColumn, $"{query.Descending} {query.MatchAll}",
                $"{given["from_date"]} {given["to_date"]}", .. given["q"]]));
        query.After = query.ReadCursor(given["after"], "after");
        query.Before = query.ReadCursor(given["before"], "before");
        if ((query.After ?? query.Before) is not null
            && (given.ContainsKey("offset") || (query.After is not null && query.Before is not null)))
        {
            query.Refuse("query", query.After is null ? "before" : "after", "Excludes the offset and another cursor.", "value_error");
        }

        query.Wait = query.Polls && query.Before is null ? Preference.WaitOf(http.Request.Headers[Preference.Header]) : null;
        return ValueTask.FromResult(query);
    }

    public string ToText(AuditCursor position) => _cursor!.Write(position);

    internal void Refuse(string place, string name, string message, string type) => _errors.Add(new([place, name], message, type));

    /// <summary>A number that is not negative; null where there is none, or none that can be read.</summary>
    internal long? ReadLong(StringValues text, string name)
    {
        if (text.Count == 0)
        {
            return null;
        }

        if (long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        Refuse("query", name, "Input should be a number that is not negative.", "int_parsing");
        return null;
    }

    private void ReadFilters(StringValues texts)
    {
        if (texts.Count > MaxFilters)
        {
            Refuse("query", "q", $"There may be {MaxFilters} filters.", "too_long");
            return;
        }

        foreach (var text in texts)
        {
            var (filter, mistake) = AuditFilter.Parse(text ?? "");
            if (filter is not null)
            {
                Filters.Add(filter);
            }
            else
            {
                Refuse("query", "q", mistake!, "value_error");
            }
        }
    }

    private void ReadOperator(StringValues text)
    {
        MatchAll = text == "and";
        if (text.Count > 0 && text != "and" && text != "or")
        {
            Refuse("query", "search_operator", "Input should be 'or' or 'and'.", "enum");
        }
    }

    private void ReadSort(StringValues text)
    {
        if (text.Count == 0)
        {
            return;
        }

        Descending = text.ToString().StartsWith('-');
        SortColumn = (Descending ? text.ToString()[1..] : text.ToString()) switch
        {
            "occurred_at" => "occurred_at",
            "created_at" or "seq" => "seq",
            "action_key" => "action_key",
            _ => "",
        };
        if (SortColumn == "")
        {
            Refuse("query", "sort",
                "Input should be occurred_at, created_at, seq or action_key, with a - before it for descending.", "enum");
        }
    }

    private int ReadNumber(StringValues text, string name, int min, int max, int otherwise)
    {
        if (text.Count == 0)
        {
            return otherwise;
        }

        if (!long.TryParse(text.ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            Refuse("query", name, "Input should be a valid integer.", "int_parsing");
        }
        else if (number < min)
        {
            Refuse("query", name, $"Input should be greater than or equal to {min}.", "greater_than_equal");
        }
        else if (number > max)
        {
            Refuse("query", name, $"Input should be less than or equal to {max}.", "less_than_equal");
        }
        else
        {
            return (int)number;
        }

        return otherwise;
    }

    /// <summary>
    /// A date or a time, which is UTC unless it says otherwise. The end is inclusive: the first moment after that day, or after that
    /// microsecond.
    /// </summary>
    private DateTimeOffset? ReadTime(StringValues text, string name, bool last)
    {
        if (text.Count == 0)
        {
            return null;
        }

        if (DateOnly.TryParseExact(text.ToString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            && day < DateOnly.MaxValue)
        {
            return new DateTimeOffset(day.AddDays(last ? 1 : 0).ToDateTime(default), TimeSpan.Zero);
        }

        // An unescaped + in a query arrives as a space.
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (text.ToString() is ['0' or '1' or '2', ..] given
            && DateTimeOffset.TryParse(
                given.Replace(' ', given.Contains('T', StringComparison.Ordinal) ? '+' : ' '),
                CultureInfo.InvariantCulture, Utc, out var time)
            && time.UtcTicks < DateTimeOffset.MaxValue.UtcTicks - TimeSpan.TicksPerDay)
        {
            return last ? AuditEntry.ToMicroseconds(time).AddMicroseconds(1) : time;
        }

        Refuse("query", name, "Input should be a date or a time (RFC 3339).", "datetime_parsing");
        return null;
    }

    private AuditCursor? ReadCursor(StringValues text, string name)
    {
        if (text.Count == 0)
        {
            return null;
        }

        var position = _cursor!.Read<AuditCursor>(text.ToString());
        if (position is null)
        {
            Refuse("query", name, "Is not a cursor of this list.", "value_error");
        }

        return position;
    }
}
