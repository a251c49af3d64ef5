using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>Whether a condition holds for facts.</summary>
internal static class Conditions
{
    /// <summary>What the organization holds that settles a finding: a rule means such only where it names statuses.</summary>
    private static readonly string[] Settled = ["mitigated", "cleared", "disputed", "not_affected"];

    /// <summary>Whether a rule looks at findings of this status at all.</summary>
    public static bool IsMeant(PolicyRule rule, string status) =>
        !Settled.Contains(status) || rule.When.Any(condition => condition is { Kind.Name: "status", IsInverted: false });

    /// <summary>Whether the answer may change by the mere passage of time.</summary>
    public static bool IsTimed(Condition condition) => condition.Kind.Name is "age" or "log_age";

    /// <summary>For one and the same finding, package and environment; null is what the rule does not look at.</summary>
    public static Answer Evaluate(
        Condition condition, EnvironmentFacts environment, PackageFacts? package, FindingFacts? finding, DateTimeOffset now)
    {
        var answer = Answer.No;
        foreach (var operand in condition.Any)
        {
            var one = condition.Kind.Subject switch
            {
                Subject.Finding => Of(condition.Kind.Name, operand, finding!, now),
                Subject.Package => Of(condition.Kind.Name, operand, package!),
                _ => Of(condition.Kind.Name, operand, environment, now),
            };
            answer = one > answer ? one : answer;
        }

        return condition.IsInverted ? answer.Not() : answer;
    }

    /// <summary>When an answer changes by the mere passage of time; null where it does not.</summary>
    public static DateTimeOffset? NextChange(
        Condition condition, EnvironmentFacts environment, FindingFacts? finding, DateTimeOffset now)
    {
        var start = condition.Kind.Name switch { "age" => finding!.PublishedAt, "log_age" => environment.LoggedAt, _ => null };
        DateTimeOffset? next = null;
        foreach (var bound in condition.Any.OfType<Operand.AgeBound>())
        {
            if (start is not { } from)
            {
                continue;
            }

            var at = Moments.Add(from, bound.Duration.Span);
            // At the very moment the age equals the bound; a tick later it is more.
            var change = bound.Relation is Relation.Less or Relation.GreaterOrEqual ? at : Moments.Add(at, TimeSpan.FromTicks(1));
            next = change > now && !(next <= change) ? change : next;
        }

        return next;
    }

    /// <summary>What is not known where a condition cannot be decided, as a sentence.</summary>
    public static string Unknown(Condition condition, PackageFacts? package, FindingFacts? finding) => condition.Kind.Name switch
    {
        "cvss" => $"It is not known which CVSS score {finding!.Id} has.",
        "severity" => $"It is not known how severe {finding!.Id} is.",
        "epss" => $"It is not known which EPSS probability {finding!.Id} has.",
        "known_exploited" => $"It is not known whether {finding!.Id} is exploited.",
        "age" => $"It is not known when {finding!.Id} was published.",
        "fix_available" => $"It is not known whether there is a fix for {finding!.Id}.",
        "package" => $"It is not known whether {package!.Name} fits: its version, build or channel is not known.",
        "channel" => $"It is not known which channel {package!.Name} comes from, or whether it was granted.",
        "license" => $"It is not known which licence {package!.Name} has.",
        "manager" => $"It is not known what installed {package!.Name}.",
        "coverage" => $"It is not known whether {package!.Name} was checked.",
        "platform" => "It is not known which platform the environment is for.",
        "name" => "It is not known what the environment is called.",
        "owner" => "It is not known to whom the environment belongs.",
        "group" => "It is not known which groups the environment's owner is in.",
        "machine" => "It is not known which machine the environment is on.",
        "log_age" => "It is not known when the environment was last logged.",
        _ => $"It is not known whether {condition.Name} holds.",
    };

    private static Answer Of(string kind, Operand operand, FindingFacts finding, DateTimeOffset now) => (kind, operand) switch
    {
        ("cvss", Operand.Bound bound) => Of(bound, finding.Cvss),
        ("epss", Operand.Bound bound) => Of(bound, finding.Epss),
        ("severity", Operand.SeverityBound bound) => finding.Severity is { } severity
            ? Answers.Of(bound.Relation.Holds(severity.CompareTo(bound.Severity))) : Answer.Unknown,
        ("known_exploited", Operand.Flag flag) => Answers.Of(finding.IsKnownExploited is { } exploited ? exploited == flag.Value : null),
        ("fix_available", Operand.Flag flag) => Answers.Of(finding.HasFix is { } fixable ? fixable == flag.Value : null),
        ("status", Operand.Word word) => Answers.Of(finding.Status == word.Text),
        ("vulnerability", Operand.Word word) => Answers.Of(
            IsSame(finding.Id, word.Text) || finding.Aliases.Any(alias => IsSame(alias, word.Text))),
        ("age", Operand.AgeBound bound) => Of(bound, finding.PublishedAt, now),
        _ => throw new InvalidOperationException($"{kind} is no condition on a finding."),
    };

    private static Answer Of(string kind, Operand operand, PackageFacts package) => (kind, operand) switch
    {
        ("package", Operand.Packages packages) => PackageFit.Of(packages.Spec, package),
        // What comes from no channel comes from none that somebody could grant.
        ("channel", Operand.Word { Text: ConditionKinds.NotGranted }) =>
            package.Channel is "" ? Answer.No : Answers.Of(!package.IsGranted),
        ("channel", Operand.Word word) => Answers.Of(package.Channel is { } channel ? IsSame(channel, word.Text) : null),
        ("license", _) => LicenseFit.Of(operand, package.License),
        ("manager", Operand.Word word) => Answers.Of(package.Manager is { } manager ? manager == word.Text : null),
        ("coverage", Operand.Word word) => Answers.Of(package.Coverage is { } coverage ? coverage == word.Text : null),
        _ => throw new InvalidOperationException($"{kind} is no condition on a package."),
    };

    private static Answer Of(string kind, Operand operand, EnvironmentFacts environment, DateTimeOffset now) => (kind, operand) switch
    {
        ("platform", Operand.Word word) => Answers.Of(environment.Platform is { } platform ? platform == word.Text : null),
        ("name", Operand.Pattern pattern) => Answers.Of(environment.Name is { } name ? pattern.Fits(name) : null),
        ("owner", Operand.Word word) => Of(environment.Owner, word),
        ("group", Operand.Word word) => Of(environment.Groups, word),
        ("machine", Operand.Word word) => Of(environment.Machine, word),
        ("log_age", Operand.AgeBound bound) => Of(bound, environment.LoggedAt, now),
        _ => throw new InvalidOperationException($"{kind} is no condition on an environment."),
    };

    private static Answer Of(Operand.Bound bound, decimal? value) =>
        value is { } number ? Answers.Of(bound.Relation.Holds(number.CompareTo(bound.Number))) : Answer.Unknown;

    private static Answer Of(Operand.AgeBound bound, DateTimeOffset? since, DateTimeOffset now) =>
        since is { } start ? Answers.Of(bound.Relation.Holds((now - start).CompareTo(bound.Duration.Span))) : Answer.Unknown;

    private static Answer Of(IReadOnlyList<string>? names, Operand.Word word) =>
        Answers.Of(names?.Any(name => IsSame(name, word.Text)));

    public static bool IsSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}

internal static class Moments
{
    /// <summary>The earlier of two moments, of which each may be none.</summary>
    public static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => b is null || a <= b ? a : b;

    /// <summary>The last moment that there is where the sum is after it.</summary>
    public static DateTimeOffset Add(DateTimeOffset moment, TimeSpan span) =>
        moment.UtcTicks > DateTimeOffset.MaxValue.UtcTicks - span.Ticks ? DateTimeOffset.MaxValue : moment + span;
}
