using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EnvPlatform.Policy.Documents;

/// <summary>Validates documents. Every error is told, not only the first.</summary>
internal sealed class PolicyParser
{
    public const int MostRules = 50;
    public const int MostConditions = 50;
    public const int MostValues = 100;
    public const int LongestName = 100;
    public const int LongestMessage = 1_000;

    private const RegexOptions Fast = RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture;

    private static readonly string NameAllowed = "lower-case letters and digits, parted by single hyphens, at most 100 characters";
    private static readonly string TextAllowed =
        "one line of text of 1 to 1,000 characters without control characters and without spaces at its ends";

    private static readonly Regex NameForm = new(Forms.Name, Fast);
    private static readonly Regex LineForm = new(Forms.Line, Fast);
    private static readonly Regex MessageForm = new(Forms.Message, Fast);
    private static readonly Regex DurationForm = new(Forms.Duration, Fast);

    private readonly List<PolicyError> _errors = [];

    private PolicyParser()
    {
    }

    /// <summary>Reads YAML, or JSON where the text begins with <c>{</c>; the document is null where there are errors.</summary>
    public static (PolicyDocument? Document, IReadOnlyList<PolicyError> Errors) Parse(string text)
    {
        var parser = new PolicyParser();
        return parser.Finish(DocumentReader.Read(text, parser._errors));
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static (PolicyDocument? Document, IReadOnlyList<PolicyError> Errors) Parse(JsonElement json)
    {
        var parser = new PolicyParser();
        return parser.Finish(DocumentReader.Read(json, parser._errors));
    }

    private (PolicyDocument?, IReadOnlyList<PolicyError>) Finish(DocumentNode? root)
    {
        var document = root is null ? null : ReadPolicy(root);
        return (_errors.Count == 0 ? document : null, _errors);
    }

    private PolicyDocument? ReadPolicy(DocumentNode root)
    {
        if (Fields(root, "", ["name", "description", "enabled", "mode", "rules"], ["name", "rules"]) is not { } fields)
        {
            return null;
        }

        var name = Text(fields, "", "name", NameForm, LongestName, NameAllowed);
        var description = Text(fields, "", "description", LineForm, LongestMessage, TextAllowed);
        var enabled = Flag(fields, "", "enabled") ?? true;
        var mode = Word(fields, "", "mode", ["enforce", "observe"]);
        var rules = Rules(fields.GetValueOrDefault("rules"));
        return name is null || rules is null ? null : new(name, description, enabled, mode == "observe", rules);
    }

    private List<PolicyRule>? Rules(DocumentNode? node)
    {
        if (node is null)
        {
            return null;
        }

        if (node is not DocumentNode.Sequence { Items: { Count: > 0 and <= MostRules } items })
        {
            var found = node is DocumentNode.Sequence { Items: var wrong } ? $"{Number(wrong.Count)} rules" : node.Found;
            Refuse("/rules", node, found, "a list of 1 to 50 rules");
            return null;
        }

        var rules = new List<PolicyRule>();
        var conditions = 0;
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"/rules/{Number(i)}";
            if (ReadRule(items[i], path) is not { } rule)
            {
                continue;
            }

            if (rules.Exists(other => other.Name == rule.Name))
            {
                _errors.Add(new(path + "/name", PolicyError.Quote(rule.Name) + " a second time", "a name that no other rule has",
                    items[i].Line, IsBeyondSchema: true));
            }

            conditions += rule.When.Count;
            rules.Add(rule);
        }

        if (conditions > MostConditions)
        {
            _errors.Add(new("/rules", $"{Number(conditions)} conditions", "at most 50 conditions in all rules together", node.Line,
                IsBeyondSchema: true));
        }

        return rules;
    }

    private PolicyRule? ReadRule(DocumentNode node, string path)
    {
        if (Fields(node, path, ["name", "when", "then", "grace", "grace_from", "message"], ["name", "when", "then"]) is not { } fields)
        {
            return null;
        }

        var name = Text(fields, path, "name", NameForm, LongestName, NameAllowed);
        var when = Conditions(fields.GetValueOrDefault("when"), path + "/when");
        var then = Word(fields, path, "then", ["warn", "block"]);
        var grace = Text(fields, path, "grace", DurationForm, 5, "a number of hours, days or weeks: 14d");
        var from = Word(fields, path, "grace_from", ["found", "published", "fix_available"]);
        var message = Text(fields, path, "message", MessageForm, LongestMessage,
            "one line of text of 1 to 1,000 characters without control characters; "
            + "in braces: {cve}, {package}, {fix}, {deadline}, {policy} or {environment}");
        if (then == "warn" && fields.TryGetValue("grace", out var unused))
        {
            Refuse(path + "/grace", unused, "a grace before a warning", "grace where then is block; a warning is given at once");
        }

        if (fields.TryGetValue("grace_from", out var start))
        {
            if (!fields.ContainsKey("grace"))
            {
                Refuse(path + "/grace_from", start, "no grace that would be counted", "grace_from where there is a grace");
            }
            else if (from is "published" or "fix_available" && when is not null && when.All(one => one.Kind.Subject != Subject.Finding))
            {
                Refuse(path + "/grace_from", start, $"{from} in a rule about no finding", "found, or a condition on a finding");
            }
        }

        return name is null || when is null || then is null
            ? null
            : new(name, when, then == "block" ? Effect.Block : Effect.Warn, grace is null ? null : Duration.Read(grace),
                from switch { "published" => GraceFrom.Published, "fix_available" => GraceFrom.FixAvailable, _ => GraceFrom.Found },
                message);
    }

    private List<Condition>? Conditions(DocumentNode? node, string path)
    {
        if (node is null)
        {
            return null;
        }

        if (node is not DocumentNode.Mapping { Pairs: { Count: > 0 } pairs })
        {
            Refuse(path, node, node is DocumentNode.Mapping ? "no condition" : node.Found, "a mapping with at least one condition");
            return null;
        }

        var conditions = new List<Condition>();
        foreach (var (key, value) in pairs)
        {
            var at = PolicyError.Child(path, key);
            if (ConditionKinds.Find(key) is not { } found)
            {
                Refuse(at, value, PolicyError.Quote(key),
                    $"{string.Join(", ", ConditionKinds.All.Select(kind => kind.Name))}, each also with not_ before it");
                continue;
            }

            if (Operands(found.Kind, value, at) is { } operands)
            {
                conditions.Add(new(found.Kind, found.IsInverted, operands));
            }
        }

        return conditions.Count < pairs.Count ? null
            : [.. conditions.OrderBy(one => IndexOf(one.Kind)).ThenBy(one => one.IsInverted)];
    }

    private List<Operand>? Operands(ConditionKind kind, DocumentNode node, string path)
    {
        if (node is not DocumentNode.Sequence { Items: var items })
        {
            return Read(kind, node, path) is { } one ? [one] : null;
        }

        if (items.Count is 0 or > MostValues)
        {
            Refuse(path, node, $"a list of {Number(items.Count)}", "a value, or a list of 1 to 100");
            return null;
        }

        var operands = new List<Operand>();
        for (var i = 0; i < items.Count; i++)
        {
            if (Read(kind, items[i], $"{path}/{Number(i)}") is { } operand)
            {
                operands.Add(operand);
            }
        }

        return operands.Count == items.Count ? operands : null;
    }

    private Operand? Read(ConditionKind kind, DocumentNode node, string path)
    {
        var operand = node switch
        {
            DocumentNode.Flag flag when kind.IsFlag => new Operand.Flag(flag.Value),
            DocumentNode.Text text => kind.Parse(text.Value),
            _ => null,
        };
        if (operand is null)
        {
            Refuse(path, node, node.Found, kind.Allowed);
        }

        return operand;
    }

    // The fields of a mapping that are known; the others are errors, as are those that must be there and are not.
    private Dictionary<string, DocumentNode>? Fields(DocumentNode node, string path, string[] known, string[] required)
    {
        if (node is not DocumentNode.Mapping { Pairs: var pairs })
        {
            Refuse(path, node, node.Found, "a mapping of " + string.Join(", ", known));
            return null;
        }

        foreach (var (key, value) in pairs.Where(pair => !known.Contains(pair.Key, StringComparer.Ordinal)))
        {
            Refuse(PolicyError.Child(path, key), value, PolicyError.Quote(key), string.Join(", ", known));
        }

        var fields = pairs.Where(pair => known.Contains(pair.Key, StringComparer.Ordinal)).ToDictionary(StringComparer.Ordinal);
        foreach (var name in required.Where(name => !fields.ContainsKey(name)))
        {
            Refuse(PolicyError.Child(path, name), node, "nothing", "a value: it is required");
        }

        return fields;
    }

    private string? Text(
        Dictionary<string, DocumentNode> fields, string path, string name, Regex form, int longest, string allowed)
    {
        if (!fields.TryGetValue(name, out var node))
        {
            return null;
        }

        // Characters, as JSON Schema counts them: a surrogate pair is one.
        if (node is DocumentNode.Text { Value: var text } && text is not [.., '\n'] && text.EnumerateRunes().Count() <= longest
            && form.IsMatch(text))
        {
            return text;
        }

        Refuse(PolicyError.Child(path, name), node, node.Found, allowed);
        return null;
    }

    private bool? Flag(Dictionary<string, DocumentNode> fields, string path, string name)
    {
        if (!fields.TryGetValue(name, out var node))
        {
            return null;
        }

        if (node is DocumentNode.Flag flag)
        {
            return flag.Value;
        }

        Refuse(PolicyError.Child(path, name), node, node.Found, "true or false");
        return null;
    }

    private string? Word(Dictionary<string, DocumentNode> fields, string path, string name, string[] words)
    {
        if (!fields.TryGetValue(name, out var node))
        {
            return null;
        }

        if (node is DocumentNode.Text text && words.Contains(text.Value, StringComparer.Ordinal))
        {
            return text.Value;
        }

        Refuse(PolicyError.Child(path, name), node, node.Found, string.Join(" or ", words));
        return null;
    }

    private void Refuse(string path, DocumentNode node, string found, string allowed) => _errors.Add(new(path, found, allowed, node.Line));

    private static int IndexOf(ConditionKind kind) => ConditionKinds.All.TakeWhile(one => one != kind).Count();

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
