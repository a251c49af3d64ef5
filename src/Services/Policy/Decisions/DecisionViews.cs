using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What is decided on an environment, and why.</summary>
/// <param name="Status">The one that holds.</param>
/// <param name="Manual">What a person set, which comes before all policies; null where nobody did.</param>
/// <param name="Reasons">What the policies that are enforced say, the strictest first.</param>
/// <param name="Observed">The same of those that only observe.</param>
/// <param name="Excepted">What either would say of what an exception leaves out.</param>
/// <param name="NotChecked">Packages that no source of advisories covers: nothing here speaks of them.</param>
/// <param name="NextAt">When it may be another decision although nothing happens.</param>
/// <param name="FactsAsOf">When what was found in its packages was last known here; null where nothing is known.</param>
/// <param name="IsBehind">Whether it holds other packages by now, of which nothing is known yet.</param>
public sealed record DecisionView(
    EnvironmentStatus Status, ManualStatus? Manual, IReadOnlyList<ReasonView> Reasons, IReadOnlyList<ReasonView> Observed,
    IReadOnlyList<ReasonView> Excepted, int NotChecked, DateTimeOffset? NextAt, DateTimeOffset AsOf, DateTimeOffset? FactsAsOf,
    bool IsBehind);

/// <summary>What a person set.</summary>
public sealed record ManualStatus(EnvironmentStatus Status, string? Message, SubjectId SetBy, DateTimeOffset? SetAt);

/// <summary>What one rule says.</summary>
/// <param name="Deadline">From when on it blocks, where it warns for the time being.</param>
/// <param name="Since">Since when the first of the findings is there; null where that is not known, or no grace is counted.</param>
/// <param name="Unknown">What is not known: sentences.</param>
/// <param name="Exception">Why it decides nothing; null for what decides.</param>
public sealed record ReasonView(
    string Policy, Guid PolicyId, string Rule, EnvironmentStatus Status, string Message, DateTimeOffset? Deadline, DateTimeOffset? Since,
    IReadOnlyList<string> Unknown, IReadOnlyList<FindingView> Findings, ExceptionView? Exception);

/// <param name="Vulnerability">Null for a rule about packages.</param>
/// <param name="Package">Null for a rule about environments, which names none.</param>
public sealed record FindingView(
    string? Vulnerability, string? Package, string? Version, string? Fix, DateTimeOffset? Since, DateTimeOffset? Deadline,
    EnvironmentStatus Status);

/// <summary>An exception; what of its three scopes is null does not limit it.</summary>
public sealed record ExceptionView(Guid Id, string? Vulnerability, string? Package, string? Policy, DateTimeOffset ExpiresAt);
