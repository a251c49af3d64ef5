using System.Globalization;

namespace EnvPlatform.Policy.Documents;

/// <summary>What a policy says, in plain sentences.</summary>
internal static class Sentences
{
    /// <summary>What holds for all rules of the document.</summary>
    public static string Of(PolicyDocument document) => document switch
    {
        { IsEnabled: false } => "It is switched off: it decides nothing.",
        { IsObserved: true } => "It observes: it decides, counts and explains, and changes no status.",
        _ => "It is to be enforced.",
    };

    /// <summary>A rule: what it does to which environments.</summary>
    public static string Of(PolicyRule rule) => $"{EffectOf(rule)} every environment that {WhichOf(rule)}.";

    private static string EffectOf(PolicyRule rule) => rule switch
    {
        { Then: Effect.Warn } => "Warn about",
        { Grace: null or { Number: 0 } } => "Block",
        { Grace: { } grace, GraceFrom: var from } =>
            $"Warn about, and after {grace.Words} {Since(from)} block,",
    };

    private static string Since(GraceFrom from) => from switch
    {
        GraceFrom.Published => "from the publication of the vulnerability",
        GraceFrom.FixAvailable => "from the first fix",
        _ => "from when it was first seen in the environment",
    };

    private static string WhichOf(PolicyRule rule)
    {
        var parts = new List<string>();
        var (findings, packages) = (Of(rule, Subject.Finding), Of(rule, Subject.Package));
        if (rule.Subject == Subject.Finding)
        {
            // Without the condition, what is settled does not count.
            var settled = rule.When.Any(condition => condition is { Kind.Name: "status", IsInverted: false }) ? "a" : "an open";
            parts.Add($"has {settled} vulnerability that {findings}{(packages.Length > 0 ? $", in a package that {packages}" : "")}");
        }
        else if (rule.Subject == Subject.Package)
        {
            parts.Add($"holds a package that {packages}");
        }

        if (Of(rule, Subject.Environment) is { Length: > 0 } environment)
        {
            parts.Add(environment);
        }

        return string.Join(", and that ", parts);
    }

    private static string Of(PolicyRule rule, Subject subject) =>
        string.Join(" and ", rule.When.Where(condition => condition.Kind.Subject == subject).Select(Of));

    private static string Of(Condition condition)
    {
        var kind = condition.Kind;
        if (kind.IsFlag)
        {
            var values = condition.Any.OfType<Operand.Flag>().Select(flag => flag.Value != condition.IsInverted).Distinct().ToArray();
            return values is [var only] ? only ? kind.Is : kind.IsNot
                : condition.IsInverted ? $"neither {kind.Is} nor {kind.IsNot}" : $"{kind.Is} or {kind.IsNot}";
        }

        return $"{(condition.IsInverted ? kind.IsNot : kind.Is)} {string.Join(" or ", condition.Any.Select(operand => Of(kind, operand)))}";
    }

    private static string Of(ConditionKind kind, Operand operand) => operand switch
    {
        Operand.Bound bound => Of(bound.Relation, bound.Number.ToString(CultureInfo.InvariantCulture)),
        Operand.SeverityBound { Relation: Relation.Equal } severity => Severities.Write(severity.Severity),
        Operand.SeverityBound severity => Of(severity.Relation, Severities.Write(severity.Severity)),
        Operand.AgeBound age => $"{OfAge(age.Relation)} {age.Duration.Words} ago",
        Operand.Word { Text: ConditionKinds.NotGranted } when kind.Name == "channel" =>
            "a channel that no group of its owner was granted",
        Operand.Word { Text: "not_checked" } when kind.Name == "coverage" => "without a check against advisories",
        Operand.Word { Text: "not_applicable" } when kind.Name == "coverage" => "nothing that advisories are about",
        Operand.Word { Text: "checked" } when kind.Name == "coverage" => "checked against advisories",
        Operand.Word when kind.Name == "group" => $"group {operand.Text}",
        _ => operand.Text,
    };

    private static string Of(Relation relation, string bound) => relation switch
    {
        Relation.Less => "less than " + bound,
        Relation.LessOrEqual => "at most " + bound,
        Relation.Greater => "more than " + bound,
        Relation.GreaterOrEqual => "at least " + bound,
        Relation.Equal => bound,
        _ => "other than " + bound,
    };

    private static string OfAge(Relation relation) => relation switch
    {
        Relation.Less => "less than",
        Relation.LessOrEqual => "at most",
        Relation.Greater => "more than",
        _ => "at least",
    };
}
