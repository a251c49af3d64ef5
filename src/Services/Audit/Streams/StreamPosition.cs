using System.Globalization;
using System.Reflection;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Http.Metadata;

namespace EnvPlatform.Audit.Streams;

/// <summary>What a subscriber of a log asks for: filters, and the last event that it has.</summary>
internal sealed class StreamPosition : IEndpointParameterMetadataProvider
{
    public const string LastEventId = "Last-Event-ID";

    private StreamPosition(AuditQuery query) => Query = query;

    /// <summary>The log and the filters, with all errors.</summary>
    public AuditQuery Query { get; }

    /// <summary>The <c>seq</c> of the last event that the subscriber has; null for one that wants what comes from now on.</summary>
    public long? After { get; private init; }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Describe(
        AuditReaders.OrganizationParameter,
        new("q", "column:value1,value2 - as in the list of events.", Repeats: true),
        new("search_operator", "or (default): an event passes any of the filters; and: all of them."),
        new("after_seq", "Begin with the event after this number; 0 for the first. Without it, with the next event.", Type: "integer"),
        new(LastEventId, "As after_seq, and before it: what a subscriber sends that connects again.", "header"));

    public static ValueTask<StreamPosition> BindAsync(HttpContext http)
    {
        var query = AuditQuery.OfFilters(http);
        return ValueTask.FromResult(new StreamPosition(query)
        {
            After = Read(http.Request.Headers[LastEventId], query, "header", LastEventId)
                ?? Read(http.Request.Query["after_seq"], query, "query", "after_seq"),
        });
    }

    private static long? Read(string? text, AuditQuery query, string place, string name)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seq))
        {
            return seq;
        }

        query.Refuse(place, name, "Input should be the number of an event, or 0.", "int_parsing");
        return null;
    }
}
