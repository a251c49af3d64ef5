using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EnvPlatform.Testing;

/// <summary>The rules for the OpenAPI document of any service, so that a client can be generated from it.</summary>
public static partial class OpenApiRules
{
    private static readonly string[] Methods = ["get", "post", "put", "delete", "patch"];

    /// <summary>The errors, with their locations.</summary>
    public static IReadOnlyList<string> Broken(JsonNode document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var broken = new List<string>();
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in item!.AsObject().Where(member => Methods.Contains(member.Key)))
            {
                broken.AddRange(OfOperation(operation!, path).Select(what => $"{method} {path}: {what}"));
            }
        }

        broken.AddRange(OfSchemas(document["components"]?["schemas"], "components").Concat(OfSchemas(document["paths"], "paths")));
        broken.AddRange(
            References(document).Where(reference => Resolve(document, reference) is null).Select(reference => $"{reference} is not there"));
        return broken;
    }

    private static IEnumerable<string> OfOperation(JsonNode operation, string path)
    {
        var parameters = operation["parameters"]?.AsArray()
            .Select(parameter => (In: (string)parameter!["in"]!, Name: (string)parameter["name"]!)).ToList() ?? [];
        var declared = parameters.Where(parameter => parameter.In == "path").Select(parameter => parameter.Name);
        if (!PathParameter().Matches(path).Select(match => match.Groups["name"].Value).Order().SequenceEqual(declared.Order()))
        {
            yield return "its path parameters are not those of the path";
        }

        foreach (var (_, name) in parameters.Where(parameter => parameter.In == "query" && !SnakeCase().IsMatch(parameter.Name)))
        {
            yield return $"the parameter {name} is not in snake case";
        }

        if (parameters.Distinct().Count() != parameters.Count)
        {
            yield return "a parameter is there twice";
        }

        if (operation["operationId"] is null)
        {
            yield return "it has no name";
        }
    }

    /// <summary>Members and items without a type. A JSON element that may be anything is described as such.</summary>
    private static IEnumerable<string> OfSchemas(JsonNode? node, string where) => node switch
    {
        JsonObject { Count: 0 } when where.Contains("/properties/", StringComparison.Ordinal)
            || where.EndsWith("/schema", StringComparison.Ordinal)
            || where.EndsWith("/items", StringComparison.Ordinal) => [$"{where} has no type"],
        JsonObject array when (string?)(array["type"] as JsonValue) == "array" && array["items"] is null => [$"{where} has no items"],
        JsonObject members => members.SelectMany(member => OfSchemas(member.Value, $"{where}/{member.Key}")),
        JsonArray items => items.SelectMany((item, i) => OfSchemas(item, $"{where}/{i}")),
        _ => [],
    };

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Key == "$ref" ? [(string)member.Value!] : References(member.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };

    private static JsonNode? Resolve(JsonNode document, string reference) =>
        reference[2..].Split('/').Aggregate((JsonNode?)document, (node, part) => node?[part.Replace("~1", "/", StringComparison.Ordinal)]);

    [GeneratedRegex("""\{(?<name>\w+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex PathParameter();

    [GeneratedRegex("^[a-z0-9_]+$", RegexOptions.None, matchTimeoutMilliseconds: 100)]
    private static partial Regex SnakeCase();
}
