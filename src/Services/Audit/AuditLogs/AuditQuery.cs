using System.Globalization;
using System.Reflection;
using System.Text.Json;

using EnvPlatform.Audit.Formats;
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
    private const int MaxSearch = 500;
    private readonly List<InvalidRequest.Error> _errors = [];

    /// <summary>Where the parameters are: query or body.</summary>
    private string _place = "query";

    private SignedCursor? _cursor;

    /// <summary>The log to read; meaningless when there are <see cref="Errors"/>.</summary>
    public OrganizationId Log { get; private set; }

    public bool NamesLog { get; private set; }

    public List<AuditFilter> Filters { get; } = [];

    /// <summary>The filters as they were given.</summary>
    public List<string> Texts { get; } = [];

    /// <summary>Words that the message or the target must have, as web search engines take them; null for none.</summary>
    public string? Search { get; private set; }

    /// <summary>One of <see cref="AuditFormats"/>.</summary>
    public string Format { get; private set; } = AuditFormats.Json;

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
            (query.Log, query.NamesLog) = (log, true);
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

    /// <summary>Filters that were read before.</summary>
    public static AuditQuery Of(
        OrganizationId log, IReadOnlyList<string> filters, bool matchAll, string? search, DateTimeOffset? from, DateTimeOffset? until)
    {
        var query = new AuditQuery { Log = log, MatchAll = matchAll, Search = search, From = from, Until = until };
        query.ReadFilters(new StringValues([.. filters]));
        return query.Errors is null ? query : throw new InvalidOperationException($"The filters of {log} cannot be read.");
    }

    /// <summary>A range of dates, and the log where one is named.</summary>
    public static AuditQuery OfDates(HttpContext http)
    {
        var query = OfHeaders(http);
        query._errors.RemoveAll(error => error.Type == "missing");
        query.ReadDates(http.Request.Query["from_date"], http.Request.Query["to_date"]);
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
        new("search", "Words that the message or the target must have: word, \"a phrase\", or, -word."),
        new("format", $"{AuditFormats.Json} (default), or a line for each event: {string.Join(", ", AuditFormats.Lines)}."),
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
        query.ReadSearch(given["search"]);
        query.ReadFormat(given["format"]);
        query.ReadSort(given["sort"]);
        query.Limit = query.ReadNumber(given["limit"], "limit", 1, MaxLimit, DefaultLimit);
        query.Offset = query.ReadNumber(given["offset"], "offset", 0, MaxOffset, 0);
        query.ReadDates(given["from_date"], given["to_date"]);
        query._cursor = new(
            http.RequestServices.GetRequiredService<ServiceSecret>().Derive("audit cursor"),
            string.Join('\n', [$"{query.Log}", query.SortColumn, $"{query.Descending} {query.MatchAll}",
                $"{given["from_date"]} {given["to_date"]}", $"{query.Search}", .. given["q"]]));
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

    /// <summary>An id in the path.</summary>
    internal void CheckId(string id, string name)
    {
        if (!Guid.TryParse(id, out _))
        {
            Refuse("path", name, "Input should be a valid UUID.", "uuid_parsing");
        }
    }

    /// <summary>A range of dates, where the rest is not wanted.</summary>
    internal void ReadDates(StringValues from, StringValues to)
    {
        From = ReadTime(from, "from_date", last: false);
        Until = ReadTime(to, "to_date", last: true);
    }

    /// <summary>The filters of a request that has them as the members of a JSON object.</summary>
    internal void ReadBody(JsonElement body)
    {
        _place = "body";
        if (body.ValueKind != JsonValueKind.Object)
        {
            Refuse(_place, "", "Input should be an object.", "dict_type");
            return;
        }

        foreach (var member in body.EnumerateObject())
        {
            if (member.Name is not ("q" or "search_operator" or "from_date" or "to_date" or "format" or "search"))
            {
                Refuse(_place, member.Name, "There is no such member.", "extra_forbidden");
            }
        }

        ReadFilters(TextsOf(body, "q"));
        ReadOperator(TextsOf(body, "search_operator"));
        ReadDates(TextsOf(body, "from_date"), TextsOf(body, "to_date"));
        ReadSearch(TextsOf(body, "search"));
        var format = TextsOf(body, "format");
        ReadFormat(format.Count == 0 ? AuditFormats.JsonLines : format);
        if (Format == AuditFormats.Json)
        {
            Refuse(_place, "format", $"Input should be one of {string.Join(", ", AuditFormats.Lines)}.", "enum");
        }
    }

    /// <summary>None where the member is absent or null.</summary>
    private StringValues TextsOf(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return default;
        }

        var items = value.ValueKind == JsonValueKind.Array && name == "q" ? value.EnumerateArray().ToArray() : [value];
        if (items.Any(item => item.ValueKind != JsonValueKind.String))
        {
            Refuse(_place, name, "Input should be a valid string.", "string_type");
            return default;
        }

        try
        {
            string[] texts = [.. items.Select(item => item.GetString()!)];
            if (!texts.Any(text => text.Contains('\0', StringComparison.Ordinal)))
            {
                return new(texts);
            }
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode.
        }

        Refuse(_place, name, "Holds what is no text.", "value_error");
        return default;
    }

    private void ReadSearch(StringValues text)
    {
        if (text.Count == 0)
        {
            return;
        }

        Search = text.ToString();
        if (Search.Length > MaxSearch || !Search.Any(char.IsLetterOrDigit))
        {
            Refuse(_place, "search", $"Input should have letters or digits, and {MaxSearch} characters at most.", "value_error");
        }
    }

    private void ReadFormat(StringValues text)
    {
        if (text.Count == 0)
        {
            return;
        }

        Format = text.ToString();
        if (Format != AuditFormats.Json && !AuditFormats.Lines.Contains(Format))
        {
            Refuse(_place, "format", $"Input should be {AuditFormats.Json}, {string.Join(", ", AuditFormats.Lines)}.", "enum");
        }
    }

    private void ReadFilters(StringValues texts)
    {
        if (texts.Count > MaxFilters)
        {
            Refuse(_place, "q", $"There may be {MaxFilters} filters.", "too_long");
            return;
        }

        foreach (var text in texts)
        {
            var (filter, mistake) = AuditFilter.Parse(text ?? "");
            if (filter is not null)
            {
                Filters.Add(filter);
                Texts.Add(text!);
            }
            else
            {
                Refuse(_place, "q", mistake!, "value_error");
            }
        }
    }

    private void ReadOperator(StringValues text)
    {
        MatchAll = text == "and";
        if (text.Count > 0 && text != "and" && text != "or")
        {
            Refuse(_place, "search_operator", "Input should be 'or' or 'and'.", "enum");
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

        Refuse(_place, name, "Input should be a date or a time (RFC 3339).", "datetime_parsing");
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
