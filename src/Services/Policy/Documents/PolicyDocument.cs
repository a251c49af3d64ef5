namespace EnvPlatform.Policy.Documents;

/// <summary>A policy as an administrator writes it; docs/policies.md describes the language.</summary>
/// <param name="IsEnabled">Where not, it never decides.</param>
/// <param name="IsObserved">Whether it decides, counts and explains, but changes no status.</param>
internal sealed record PolicyDocument(
    string Name, string? Description, bool IsEnabled, bool IsObserved, IReadOnlyList<PolicyRule> Rules);

/// <summary>What a rule does to an environment that matches.</summary>
internal enum Effect
{
    Warn, Block,
}

/// <summary>What the grace of a rule is counted from.</summary>
internal enum GraceFrom
{
    /// <summary>The moment at which it was first seen in this environment.</summary>
    Found,

    /// <summary>The publication of the vulnerability.</summary>
    Published,

    /// <summary>The first fix.</summary>
    FixAvailable,
}

/// <param name="Grace">How long an effect of <see cref="Effect.Block"/> only warns; null where it blocks at once.</param>
/// <param name="Message">With placeholders; null for the sentence of the rule.</param>
internal sealed record PolicyRule(
    string Name, IReadOnlyList<Condition> When, Effect Then, Duration? Grace, GraceFrom GraceFrom, string? Message)
{
    /// <summary>What the rule looks at one by one: findings where a condition is about them, else packages, else the environment.</summary>
    public Subject Subject => When.Max(condition => condition.Kind.Subject);
}

/// <summary>A condition: any of its values holds, or none where it is inverted.</summary>
internal sealed record Condition(ConditionKind Kind, bool IsInverted, IReadOnlyList<Operand> Any)
{
    public string Name => (IsInverted ? ConditionKind.Not : "") + Kind.Name;
}
