using EnvPlatform.Contracts;

namespace EnvPlatform.Policy.Decisions;

/// <summary>The status of an environment by all policies that apply to it, and why.</summary>
/// <param name="IsManual">Whether a person set the status; the reasons say what the policies hold nevertheless.</param>
/// <param name="Reasons">Of the policies that are enforced, the strictest first.</param>
/// <param name="Observed">The same of those that only observe; they change no status.</param>
/// <param name="Excepted">What either would say of what an exception leaves out: it decides nothing.</param>
/// <param name="NextAt">When the decision may be another although nothing happens: a grace ends, something becomes old.</param>
/// <param name="NotChecked">Packages that no source of advisories covers: what is decided says nothing of them.</param>
internal sealed record Decision(
    EnvironmentStatus Status, bool IsManual, IReadOnlyList<Reason> Reasons, IReadOnlyList<Reason> Observed, IReadOnlyList<Reason> Excepted,
    DateTimeOffset? NextAt, int NotChecked);

/// <summary>What one rule says of the environment.</summary>
/// <param name="Message">For members: the rule's message with its placeholders filled in, or its sentence.</param>
/// <param name="Deadline">From when on it blocks, where it warns for the time being.</param>
/// <param name="Unknown">What is not known, wherefore the rule cannot be decided and warns: sentences.</param>
internal sealed record Reason(
    RuleKey Rule, EnvironmentStatus Status, string Message, DateTimeOffset? Deadline, IReadOnlyList<string> Unknown,
    IReadOnlyList<Match> Matches)
{
    /// <summary>Why it decides nothing; null for what decides.</summary>
    public ExceptionFacts? Exception { get; init; }
}

/// <summary>What a rule matches.</summary>
/// <param name="Vulnerability">Null for rules about packages and environments.</param>
/// <param name="Package">Null for rules about environments.</param>
/// <param name="Fix">What fixes it; null where nothing is known to.</param>
/// <param name="Since">What the grace is counted from; null where it is not known, or where there is no grace.</param>
/// <param name="Deadline">The end of the grace; null where there is none, or its beginning is not known.</param>
internal sealed record Match(
    string? Vulnerability, string? Package, string? Version, string? Fix, DateTimeOffset? Since, DateTimeOffset? Deadline,
    EnvironmentStatus Status, IReadOnlyList<string> Unknown);
