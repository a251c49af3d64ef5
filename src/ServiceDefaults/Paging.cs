using System.Reflection;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Validation;

namespace EnvPlatform.ServiceDefaults;

/// <summary>One page of a list. <paramref name="TotalCount"/> is exact and counts what all pages hold together.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, long TotalCount, string? NextCursor);

/// <summary>
/// The query parameters <c>limit</c> (1..1000, default 100), <c>cursor</c> (opaque) and <c>sort</c> (<c>field</c> or <c>-field</c>) of a
/// list. A cursor (<see cref="SignedCursor"/>) is bound to the caller, the organization, the path and the rest of the query string.
/// </summary>
[SkipValidation]
public sealed class PageQuery : IEndpointParameterMetadataProvider
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1_000;
    private readonly SignedCursor _cursor;

    private PageQuery(int limit, string? sort, SignedCursor cursor)
    {
        Limit = limit;
        Descending = sort?.StartsWith('-') == true;
        Sort = Descending ? sort![1..] : sort;
        _cursor = cursor;
    }

    /// <summary>How many items the page may hold.</summary>
    public int Limit { get; }

    /// <summary>
    /// The field to sort by, without its sign; null when the caller does not name one. Check it with <see cref="SortBy"/>.
    /// </summary>
    public string? Sort { get; }

    public bool Descending { get; }

    /// <summary>The values passed to the previous page's <see cref="Next"/>; null on the first page.</summary>
    public IReadOnlyList<string?>? After { get; private set; }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Describe(
        new("limit", $"How many items the page may hold: 1 to {MaxLimit}, {DefaultLimit} by default.", Type: "integer"),
        new("cursor", "The next_cursor of the page before."),
        new("sort", "The field to sort by; - before it for descending."));

    public static ValueTask<PageQuery> BindAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        var query = http.Request.Query;
        var limit = DefaultLimit;
        if (query.TryGetValue("limit", out var limitText) && (!int.TryParse(limitText, out limit) || limit is < 1 or > MaxLimit))
        {
            throw new InvalidInputException("limit", $"Must be a whole number from 1 to {MaxLimit}.");
        }

        var rest = string.Join('&', query.Where(pair => pair.Key is not ("cursor" or "limit"))
            .OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var subject = Caller.From(http) is { } caller ? $"{caller.Organization?.Id} {caller.SubjectId}" : "";
        var cursorKey = http.RequestServices.GetRequiredService<ServiceSecret>().Derive("cursor");
        var page = new PageQuery(
            limit, query.TryGetValue("sort", out var sort) ? sort.ToString() : null,
            new SignedCursor(cursorKey, $"{subject} {http.Request.Path} {rest}"));
        if (query.TryGetValue("cursor", out var cursor) && cursor.ToString() is { Length: > 0 } text)
        {
            page.After = page._cursor.Read<string?[]>(text) ?? throw new InvalidInputException("cursor", "Is not a cursor of this list.");
        }

        return ValueTask.FromResult(page);
    }

    /// <summary>The column for the requested sort field; refuses a field that is not in <paramref name="columns"/>.</summary>
    public string SortBy(IReadOnlyDictionary<string, string> columns, string defaultField)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return columns.TryGetValue(Sort ?? defaultField, out var column)
            ? column
            : throw new InvalidInputException("sort",
                $"Must be one of {string.Join(", ", columns.Keys.Order(StringComparer.Ordinal))}, with a - before it for descending.");
    }

    /// <summary>The cursor of the page that follows an item with these sort values.</summary>
    public string Next(params string?[] values) => _cursor.Write(values);
}
