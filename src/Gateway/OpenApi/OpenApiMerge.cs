using System.Text.Json.Nodes;

namespace EnvPlatform.Gateway.OpenApi;

/// <summary>
/// Merges the OpenAPI documents of the services into one. A component that two services define differently under one name is qualified with
/// the service's name. Paths that the gateway does not forward are left out, operations that need no token are marked.
/// </summary>
internal static class OpenApiMerge
{
    private const string SchemeName = "bearer";
    private const string ReferencePrefix = "#/components/";

    /// <param name="documents">The services' documents by name; they are not changed.</param>
    /// <param name="isAnonymous">For a path: whether it needs no token; null when the gateway does not forward it.</param>
    public static JsonObject Merge(IEnumerable<KeyValuePair<string, JsonObject>> documents, string version, Func<string, bool?> isAnonymous)
    {
        var paths = new SortedDictionary<string, JsonNode>(StringComparer.Ordinal);
        var components = new JsonObject
        {
            ["securitySchemes"] = new JsonObject
            {
                [SchemeName] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "A token, envp_..." },
            },
        };
        var tags = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (service, original) in documents.OrderBy(document => document.Key, StringComparer.Ordinal))
        {
            var document = (JsonObject)original.DeepClone();
            Rename(document, Clashes(document, components, service));
            AddComponents(document, components);
            foreach (var (path, item) in document["paths"]?.AsObject() ?? [])
            {
                if (item is JsonObject operations && isAnonymous(path) is { } anonymous && paths.TryAdd(path, operations.DeepClone()))
                {
                    Describe((JsonObject)paths[path], anonymous, tags);
                }
            }
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "EnvPlatform",
                ["version"] = version,
                ["description"] =
                    "Govern conda environments: what is installed where, what of it is vulnerable, and who did what about it.",
                ["license"] = new JsonObject { ["name"] = "Apache-2.0", ["identifier"] = "Apache-2.0" },
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["security"] = new JsonArray(new JsonObject { [SchemeName] = new JsonArray() }),
            ["tags"] = new JsonArray([.. tags.Select(tag => (JsonNode)new JsonObject { ["name"] = tag })]),
            ["paths"] = new JsonObject(paths.Select(path => KeyValuePair.Create(path.Key, (JsonNode?)path.Value))),
            ["components"] = components,
        };
    }

    private static void Describe(JsonObject item, bool anonymous, SortedSet<string> tags)
    {
        foreach (var operation in item.Select(member => member.Value).OfType<JsonObject>())
        {
            tags.UnionWith(operation["tags"]?.AsArray().Select(tag => tag!.GetValue<string>()) ?? []);
            if (anonymous)
            {
                operation["security"] = new JsonArray();
            }
        }
    }

    /// <summary>New names, <c>schemas/Old</c> to <c>schemas/New</c>, for components that exist already and differ.</summary>
    private static Dictionary<string, string> Clashes(JsonObject document, JsonObject merged, string service)
    {
        var renames = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (kind, members) in document["components"]?.AsObject() ?? [])
        {
            foreach (var (name, component) in members as JsonObject ?? [])
            {
                if (merged[kind]?[name] is { } other && !JsonNode.DeepEquals(other, component))
                {
                    renames[$"{kind}/{name}"] = $"{kind}/{char.ToUpperInvariant(service[0])}{service[1..]}{name}";
                }
            }
        }

        return renames;
    }

    private static void Rename(JsonObject document, Dictionary<string, string> renames)
    {
        if (renames.Count == 0)
        {
            return;
        }

        foreach (var (from, to) in renames)
        {
            var kind = from[..from.IndexOf('/', StringComparison.Ordinal)];
            var members = document["components"]![kind]!.AsObject();
            var component = members[from[(kind.Length + 1)..]];
            members.Remove(from[(kind.Length + 1)..]);
            members[to[(kind.Length + 1)..]] = component;
        }

        RenameReferences(document, renames);
    }

    private static void RenameReferences(JsonNode? node, Dictionary<string, string> renames)
    {
        if (node is JsonArray array)
        {
            foreach (var item in array)
            {
                RenameReferences(item, renames);
            }
        }
        else if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToArray())
            {
                if (name == "$ref" && value is JsonValue text && text.TryGetValue<string>(out var reference)
                    && reference.StartsWith(ReferencePrefix, StringComparison.Ordinal)
                    && renames.TryGetValue(reference[ReferencePrefix.Length..], out var renamed))
                {
                    members[name] = ReferencePrefix + renamed;
                }
                else
                {
                    RenameReferences(value, renames);
                }
            }
        }
    }

    private static void AddComponents(JsonObject document, JsonObject merged)
    {
        foreach (var (kind, members) in document["components"]?.AsObject() ?? [])
        {
            if (members is not JsonObject || kind == "securitySchemes")
            {
                continue;
            }

            if (merged[kind] is not JsonObject target)
            {
                merged[kind] = target = [];
            }

            foreach (var (name, component) in members.AsObject())
            {
                target.TryAdd(name, component?.DeepClone());
            }
        }
    }
}
