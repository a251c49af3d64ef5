using System.Text.Json.Nodes;

using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Policies;

/// <summary>
/// The JSON Schema (2020-12) of policy documents, for editors and other programs. It says what the validator does but for what a schema
/// cannot say: that the names of rules differ, and how many conditions all rules have together.
/// </summary>
internal static class PolicySchema
{
    /// <summary>As it is served.</summary>
    public static string Text { get; } = Of().ToJsonString();

    private static JsonObject Of() => new()
    {
        ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
        ["title"] = "A policy of EnvPlatform",
        ["type"] = "object",
        ["additionalProperties"] = false,
        ["required"] = new JsonArray("name", "rules"),
        ["properties"] = new JsonObject
        {
            ["name"] = Form(Forms.Name, PolicyParser.LongestName, "Unique in the organization; shown to members."),
            ["description"] = Form(Forms.Line, PolicyParser.LongestMessage, "What it is for."),
            ["enabled"] = Described(new JsonObject { ["type"] = "boolean", ["default"] = true }, "Where it is false, it never decides."),
            ["mode"] = Described(
                Words("enforce", "observe"), "observe: it decides, counts and explains, but changes no status. Otherwise enforce."),
            ["rules"] = new JsonObject
            {
                ["type"] = "array",
                ["minItems"] = 1,
                ["maxItems"] = PolicyParser.MostRules,
                ["items"] = Rule(),
            },
        },
    };

    private static JsonObject Rule() => new()
    {
        ["type"] = "object",
        ["additionalProperties"] = false,
        ["required"] = new JsonArray("name", "when", "then"),
        ["properties"] = new JsonObject
        {
            ["name"] = Form(Forms.Name, PolicyParser.LongestName, "Unique in the policy."),
            ["when"] = When(),
            ["then"] = Described(Words("warn", "block"), "What happens to an environment that matches."),
            ["grace"] = Form(Forms.Duration, 5, "How long it only warns before it blocks: 14d, 12h, 2w."),
            ["grace_from"] = Described(
                Words("found", "published", "fix_available"), "What the grace is counted from; found where it is left out."),
            ["message"] = Form(
                Forms.Message, PolicyParser.LongestMessage,
                "What members read; with {cve}, {package}, {fix}, {deadline}, {policy} and {environment}."),
        },
        ["dependentRequired"] = new JsonObject { ["grace_from"] = new JsonArray("grace") },
        ["allOf"] = new JsonArray(
            If(
                Has("then", new JsonObject { ["const"] = "warn" }),
                new JsonObject { ["not"] = new JsonObject { ["required"] = new JsonArray("grace") } }),
            If(
                Has("grace_from", Words("published", "fix_available")),
                new JsonObject { ["properties"] = new JsonObject { ["when"] = new JsonObject { ["anyOf"] = FindingConditions() } } })),
    };

    private static JsonObject When()
    {
        var properties = new JsonObject();
        foreach (var kind in ConditionKinds.All)
        {
            properties[kind.Name] = Condition(kind, "");
            properties[ConditionKind.Not + kind.Name] = Condition(kind, "Inverted: ");
        }

        return new() { ["type"] = "object", ["minProperties"] = 1, ["additionalProperties"] = false, ["properties"] = properties };
    }

    private static JsonObject Condition(ConditionKind kind, string prefix) => new()
    {
        ["description"] = prefix + kind.Allowed,
        ["oneOf"] = new JsonArray(
            Value(kind),
            new JsonObject { ["type"] = "array", ["minItems"] = 1, ["maxItems"] = PolicyParser.MostValues, ["items"] = Value(kind) }),
    };

    private static JsonObject Value(ConditionKind kind) =>
        kind.IsFlag ? new JsonObject { ["type"] = "boolean" }
        : kind.Words is { } words ? Words([.. words])
        : new JsonObject { ["type"] = "string", ["pattern"] = kind.Pattern, ["maxLength"] = kind.Longest };

    private static JsonArray FindingConditions() =>
    [
        .. ConditionKinds.All.Where(kind => kind.Subject == Subject.Finding)
            .SelectMany(kind => new[] { kind.Name, ConditionKind.Not + kind.Name })
            .Select(name => new JsonObject { ["required"] = new JsonArray(name) }),
    ];

    private static JsonObject If(JsonObject condition, JsonObject then) => new() { ["if"] = condition, ["then"] = then };

    private static JsonObject Has(string name, JsonObject value) =>
        new() { ["required"] = new JsonArray(name), ["properties"] = new JsonObject { [name] = value } };

    private static JsonObject Words(params string[] words) => new() { ["enum"] = new JsonArray([.. words.Select(word => (JsonNode)word)]) };

    private static JsonObject Form(string pattern, int longest, string description) => Described(
        new JsonObject { ["type"] = "string", ["pattern"] = pattern, ["maxLength"] = longest }, description);

    private static JsonObject Described(JsonObject schema, string description)
    {
        schema["description"] = description;
        return schema;
    }
}
