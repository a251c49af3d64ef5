using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Policy.Documents;
using EnvPlatform.Policy.Policies;

using FsCheck;
using FsCheck.Fluent;

using Json.Schema;

namespace EnvPlatform.Policy.Tests.Documents;

/// <summary>
/// The JSON Schema that is served says what the validator does, as an independent implementation of JSON Schema reads it.
/// </summary>
public sealed class PolicySchemaTests
{
    private static readonly JsonSchema Schema = JsonSchema.FromText(PolicySchema.Text);

    // Values that are right for one kind of condition or another, and wrong ones.
    private static readonly string[] Texts =
    [
        ">= 7", ">=7.5", "< 10.0", "> 10.1", "= 7", "7", ">= 0.2", "!= 1", "> 0.123456", ">= high", "high", "==low", "severe", "active",
        "open", "CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q", "CVE", "> 30d", "<= 2w", "> 030d", "> 30", "openssl <3.0", "log4j*",
        "numpy >=1.20,<2|>3", "a =1.2", "a==1.2", "a ~=1.2", "a 1.2.*", "a 1.2 h0_*", "a=1.2=h0", "x::a >=1", "a <", "a ^1", "a [b=1]",
        "a >=1.*", "*", "not_granted", "conda-forge", "pkgs/main", "-x", "MIT", "GPL-*", "mit", "Xyz-*", "conda", "pip", "not_checked",
        "linux-64", "linux64", "prod-*", "ada@example.org", " a", "a ", "a\u001b[0m", "a\u202eb", "", "\u00e9\u4e2d\U0001F600", "14d",
        "0h", "9999w", "10000d", "-1d", "found", "published", "fix_available", "block", "warn", "enforce", "observe", "known-exploited",
        "Known", "a--b", "{fix} until {deadline}", "{x}", "{", "m}", "true",
    ];

    private static readonly Gen<JsonNode?> Odd =
        Gen.Elements("null", "true", "false", "7", "-1.5e3", "[]", "{}", "[[]]", "\"x\"").Select(text => JsonNode.Parse(text));

    private static readonly Gen<JsonNode?> Text = Gen.Elements(Texts).Select(text => (JsonNode?)JsonValue.Create(text));

    private static readonly Gen<JsonNode?> Value = Gen.Frequency(
        (6, Text), (2, Gen.Elements(true, false).Select(flag => (JsonNode?)JsonValue.Create(flag))), (1, Odd),
        (2,
            from number in Gen.Choose(0, 3)
            from items in Text.ListOf(number)
            select (JsonNode?)new JsonArray([.. items.Select(item => item?.DeepClone())])));

    private static readonly Gen<(string Name, JsonNode? Value)> Condition =
        from kind in Gen.Elements(ConditionKinds.All.ToArray())
        from isInverted in Gen.Elements(true, false)
        from right in RightFor(kind)
        from any in Value
        from isRight in Gen.Choose(0, 20)
        select ((isInverted ? ConditionKind.Not : "") + kind.Name, isRight > 0 ? right : any);

    private static readonly Gen<JsonNode?> When =
        from number in Gen.Frequency((1, Gen.Constant(0)), (20, Gen.Choose(1, 3)))
        from conditions in Condition.ListOf(number)
        from odd in Odd
        from isOdd in Gen.Choose(0, 30)
        select isOdd == 0 ? odd : Object(conditions);

    private static readonly Gen<JsonNode?> Rule =
        from name in Gen.Frequency((20, Gen.Choose(0, 1_000_000).Select(number => (JsonNode?)JsonValue.Create($"r{number}"))), (1, Text))
        from when in When
        from then in Often("block", "warn", "refuse")
        from grace in Often(null, "14d", "0h", "x")
        from start in Often(null, "found", "published", "fix_available", "fixed")
        from message in Often(null, "Use {fix}.", "{x}", "", "a\tb")
        from more in Gen.Choose(0, 40)
        select (JsonNode?)Object([
            ("name", name), ("when", when), ("then", JsonValue.Create(then)), .. Optional("grace", grace), .. Optional("grace_from", start),
            .. Optional("message", message), .. Optional("more", more == 0 ? "x" : null),
        ], leaveOut: more == 1 ? "name" : more == 2 ? "when" : more == 3 ? "then" : "");

    private static readonly Gen<JsonNode?> Document =
        from name in Gen.Frequency((20, Gen.Constant((JsonNode?)JsonValue.Create("p-1"))), (1, Text))
        from description in Gen.Frequency((10, Gen.Constant<JsonNode?>(null)), (1, Text))
        from enabled in Gen.Frequency((10, Gen.Constant<JsonNode?>(null)), (1, Value))
        from mode in Often(null, "enforce", "observe", "report")
        from number in Gen.Frequency((20, Gen.Choose(1, 2)), (1, Gen.Constant(0)))
        from rules in Rule.ListOf(number)
        select (JsonNode?)Object([
            ("name", name), .. description is null ? [] : new[] { ("description", (JsonNode?)description) },
            .. enabled is null ? [] : new[] { ("enabled", (JsonNode?)enabled) }, .. Optional("mode", mode),
            ("rules", new JsonArray([.. rules.Select(rule => rule?.DeepClone())])),
        ]);

    [Test]
    public void The_schema_is_one_of_JSON_Schema_2020_12() =>
        Assert.That(
            MetaSchemas.Draft202012.Evaluate(JsonElement.Parse(PolicySchema.Text)).IsValid, Is.True);

    [Test]
    public void Schema_and_validator_agree_on_generated_documents()
    {
        var (valid, invalid) = (0, 0);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5_000), Prop.ForAll(Document.ToArbitrary(), document =>
        {
            var text = document!.ToJsonString();
            var bySchema = Schema.Evaluate(JsonElement.Parse(text)).IsValid;
            var (policy, errors) = PolicyParser.Parse(text);
            var byValidator = errors.All(error => error.IsBeyondSchema);
            if (policy is not null)
            {
                // What was accepted has a canonical form that is accepted again, by both, from JSON and from YAML.
                var canonical = CanonicalForm.ToJson(policy);
                var again = PolicyParser.Parse(CanonicalForm.ToYaml(policy));
                if (!Schema.Evaluate(JsonElement.Parse(canonical)).IsValid || again.Document is null
                    || CanonicalForm.ToJson(again.Document) != canonical
                    || CanonicalForm.ToJson(PolicyParser.Parse(canonical).Document!) != canonical)
                {
                    throw new InvalidOperationException($"{canonical}\n{CanonicalForm.ToYaml(policy)}\n{string.Join("\n", again.Errors)}");
                }
            }

            _ = byValidator ? valid++ : invalid++;
            return bySchema == byValidator
                ? true : throw new InvalidOperationException($"schema: {bySchema}, validator: {string.Join("\n", errors)}\n{text}");
        }));
        Assert.That(valid, Is.GreaterThan(500), "documents that are valid");
        Assert.That(invalid, Is.GreaterThan(500), "documents that are not");
    }

    /// <summary>Each value of each kind of condition by itself, so that no rare one escapes.</summary>
    [Test]
    public void Schema_and_validator_agree_on_every_value_of_every_condition()
    {
        var wrong = new List<string>();
        foreach (var kind in ConditionKinds.All)
        {
            foreach (var text in Texts)
            {
                var value = JsonSerializer.Serialize(text);
                var document = $$"""{"name":"p","rules":[{"name":"r","when":{"{{kind.Name}}":{{value}}},"then":"warn"}]}""";
                if (Schema.Evaluate(JsonElement.Parse(document)).IsValid != (PolicyParser.Parse(document).Document is not null))
                {
                    wrong.Add(document);
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Every_form_of_a_match_specification_is_understood()
    {
        Gen<string> version = Gen.Elements("1", "1.2", "1.2.3rc1", "2!1.0", "1.0_1", "1.1.1k", "1.0+local.1", "2026a");
        Gen<string> condition =
            from op in Gen.Elements("", "=", "==", "!=", "<", "<=", ">", ">=", "~=")
            from space in Gen.Elements("", " ")
            from one in version
            from end in Gen.Elements("", "", "*", ".*")
            select op + (op.Length > 0 ? space : "") + one + end;
        var specs =
            from channel in Gen.Elements("", "", "conda-forge::")
            from name in Gen.Elements("openssl", "log4j*", "*", "_x", "py-a.b")
            from space in Gen.Elements("", " ")
            from number in Gen.Choose(0, 3)
            from conditions in condition.ListOf(number)
            from between in Gen.Elements(",", "|", ", ", " | ")
            from build in Gen.Elements("", "", " h0_1", " py*_0", "=h0", " a-b")
            select channel + name + space + string.Join(between, conditions) + build;
        var accepted = 0;
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(10_000), Prop.ForAll(specs.ToArbitrary(), spec =>
        {
            var kind = ConditionKinds.Find("package")!.Value.Kind;
            var isOfForm = new System.Text.RegularExpressions.Regex(kind.Pattern!).IsMatch(spec);
            accepted += isOfForm ? 1 : 0;
            return isOfForm == (kind.Parse(spec) is not null)
                ? true : throw new InvalidOperationException($"of the form, and not understood: {spec}");
        }));
        Assert.That(accepted, Is.GreaterThan(2_000));
    }

    private static Gen<string?> Often(string? usual, params string[] others) =>
        Gen.Frequency((10, Gen.Constant(usual)), (others.Length, Gen.Elements(others).Select(other => (string?)other)));

    private static Gen<JsonNode?> RightFor(ConditionKind kind)
    {
        if (kind.IsFlag)
        {
            return Gen.Elements(true, false).Select(flag => (JsonNode?)JsonValue.Create(flag));
        }

        var right = Texts.Where(text => kind.Parse(text) is not null).ToArray();
        return from first in Gen.Elements(right)
               from second in Gen.Elements(right)
               from isList in Gen.Elements(true, false)
               select isList ? new JsonArray(first, second) : (JsonNode?)JsonValue.Create(first);
    }

    private static IEnumerable<(string, JsonNode?)> Optional(string name, string? text) =>
        text is null ? [] : [(name, JsonValue.Create(text))];

    // Nodes have one parent: each is copied.
    private static JsonObject Object(IEnumerable<(string Name, JsonNode? Value)> members, string leaveOut = "") =>
        new(members.Where(member => member.Name != leaveOut).DistinctBy(member => member.Name)
            .Select(member => KeyValuePair.Create(member.Name, member.Value?.DeepClone())));
}
