using EnvPlatform.Conda;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What is known of an environment. Null always means that it is not known, never "no".</summary>
/// <param name="Owner">What its owner is called: id, e-mail address.</param>
/// <param name="Groups">The names of the groups whose member the owner is.</param>
/// <param name="Machine">What its machine is called: id, name.</param>
/// <param name="LoggedAt">When it was last logged.</param>
/// <param name="Packages">Null until they were scanned.</param>
/// <param name="HoldsSince">
/// Since when a rule about environments holds, without interruption; a rule that is not in it begins to hold now.
/// </param>
internal sealed record EnvironmentFacts(
    string? Name, string? Platform, IReadOnlyList<string>? Owner, IReadOnlyList<string>? Groups, IReadOnlyList<string>? Machine,
    DateTimeOffset? LoggedAt, IReadOnlyList<PackageFacts>? Packages, IReadOnlyDictionary<RuleKey, DateTimeOffset> HoldsSince)
{
    /// <summary>The exceptions in whose scope the environment is.</summary>
    public IReadOnlyList<ExceptionFacts> Exceptions { get; init; } = [];

    /// <summary>Until when a scan of the packages is waited for before it counts that they were not scanned; null where none is.</summary>
    public DateTimeOffset? AwaitedUntil { get; init; }
}

/// <summary>A granted exception: what all of its three members fit that are not null is left out until it expires.</summary>
/// <param name="Vulnerability">Any of its ids.</param>
/// <param name="Policy">The name of the policy.</param>
internal sealed record ExceptionFacts(Guid Id, string? Vulnerability, MatchSpec? Package, string? Policy, DateTimeOffset ExpiresAt);

/// <summary>A package of an environment.</summary>
/// <param name="Version">Null where it is not known.</param>
/// <param name="Channel">The canonical name; empty where it comes from none.</param>
/// <param name="IsGranted">Whether a group of the environment's owner was granted the channel.</param>
/// <param name="License">An SPDX expression; null where what the package declares is none.</param>
/// <param name="Manager"><c>conda</c> or <c>pypi</c>.</param>
/// <param name="Coverage"><c>checked</c>, <c>not_checked</c> or <c>not_applicable</c>.</param>
/// <param name="SeenAt">When it was first seen in this environment.</param>
internal sealed record PackageFacts(
    string Name, string? Version, string? Build, string? Channel, bool? IsGranted, string? License, string? Manager, string? Coverage,
    DateTimeOffset? SeenAt, IReadOnlyList<FindingFacts> Findings);

/// <summary>A vulnerability that a package has.</summary>
/// <param name="Aliases">Its other ids.</param>
/// <param name="IsKnownExploited">Null where no catalogue of exploited vulnerabilities was imported.</param>
/// <param name="Status">What the organization holds of it.</param>
/// <param name="Fix">What fixes it, for people: <c>openssl 3.0.15</c>.</param>
/// <param name="FixedAt">When the first fix came out.</param>
/// <param name="FoundAt">When it was first seen in this environment.</param>
internal sealed record FindingFacts(
    string Id, IReadOnlyList<string> Aliases, decimal? Cvss, Severity? Severity, decimal? Epss, bool? IsKnownExploited, string Status,
    DateTimeOffset? PublishedAt, bool? HasFix, string? Fix, DateTimeOffset? FixedAt, DateTimeOffset? FoundAt);

/// <summary>A rule of the organization, by the names of its policy and of itself.</summary>
internal readonly record struct RuleKey(string Policy, string Rule);
