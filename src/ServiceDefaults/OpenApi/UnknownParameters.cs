using System.Collections.Frozen;
using System.Text.Json;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>
/// Refuses a query parameter that the operation does not have, whatever the operation is: one that is ignored would change what the answer
/// means. What it has is read from the descriptions that the OpenAPI document is made of.
/// </summary>
internal static class UnknownParameters
{
    /// <summary>Characters of a name that are compared, and repeated in the answer.</summary>
    private const int MaxName = 64;

    /// <summary>Characters of a part that says something.</summary>
    private const int MinPart = 3;

    /// <summary>Must come after authorization: whoever may not call the operation is told that.</summary>
    public static void UseKnownParameters(this WebApplication app)
    {
        var known = new Lazy<FrozenDictionary<string, string[]>>(
            () => Read(app.Services.GetRequiredService<IApiDescriptionGroupCollectionProvider>()));
        app.Use((http, next) =>
        {
            if (!http.Request.QueryString.HasValue || http.GetEndpoint() is not RouteEndpoint endpoint
                || !known.Value.TryGetValue(KeyOf(http.Request.Method, endpoint.RoutePattern.RawText), out var names)
                || http.Request.Query.Keys.FirstOrDefault(
                    given => !names.Contains(given, StringComparer.OrdinalIgnoreCase)) is not { } unknown)
            {
                return next(http);
            }

            var (name, message) = Explain(unknown, names);
            return (endpoint.Metadata.GetMetadata<UnknownParameterAnswer>()?.Of(name, message) ?? Problems.Invalid(name, message))
                .ExecuteAsync(http);
        });
    }

    /// <summary>The name as far as it is repeated, and a sentence with the nearest of those that there are.</summary>
    internal static (string Name, string Message) Explain(string unknown, IReadOnlyCollection<string> known)
    {
        var name = unknown.Length <= MaxName ? unknown : unknown[..MaxName];
        return (name, known.Count == 0
            ? "There is no such parameter: the operation has none."
            : $"There is no such parameter. The nearest is {known.MinBy(one => Nearness(name, one))}; "
                + $"all are {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
    }

    private static FrozenDictionary<string, string[]> Read(IApiDescriptionGroupCollectionProvider descriptions) =>
        descriptions.ApiDescriptionGroups.Items.SelectMany(group => group.Items).ToFrozenDictionary(
            operation => KeyOf(operation.HttpMethod, operation.RelativePath), NamesOf, StringComparer.OrdinalIgnoreCase);

    private static string[] NamesOf(ApiDescription operation) =>
    [
        .. operation.ParameterDescriptions.Where(parameter => parameter.Source == BindingSource.Query)
            .Select(parameter => JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name)),
        .. operation.ActionDescriptor.EndpointMetadata.OfType<DescribedParameter>().Where(parameter => parameter.In == "query")
            .Select(parameter => parameter.Name),
    ];

    private static string KeyOf(string? method, string? path) => $"{method} {path?.Trim('/')}";

    private static (int, int, string) Nearness(string given, string known) =>
        Distance(given, known) is var edits && IsPart(given, known) ? (1, edits, known) : (edits, edits, known);

    /// <summary>Whether one name is a part of the other: as near as one edit, but behind what is nearer by edits.</summary>
    private static bool IsPart(string given, string known) => Math.Min(given.Length, known.Length) >= MinPart
        && (known.Contains(given, StringComparison.OrdinalIgnoreCase) || given.Contains(known, StringComparison.OrdinalIgnoreCase));

    /// <summary>Insertions, deletions and exchanges of one character (Levenshtein), ignoring case.</summary>
    private static int Distance(string given, string known)
    {
        var row = Enumerable.Range(0, known.Length + 1).ToArray();
        for (var i = 1; i <= given.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= known.Length; j++)
            {
                var same = char.ToLowerInvariant(given[i - 1]) == char.ToLowerInvariant(known[j - 1]);
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (same ? 0 : 1)));
            }
        }

        return row[^1];
    }
}
