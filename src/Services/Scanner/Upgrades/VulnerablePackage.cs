using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A package of an environment, and what was found in it.</summary>
/// <param name="Manager">conda or pypi.</param>
/// <param name="Open">The vulnerabilities that affect it and are not mitigated, cleared or disputed.</param>
/// <param name="Wanted">Those of them that are to be cleared.</param>
/// <param name="Accepted">
/// Vulnerabilities, of this version or not, that are mitigated, cleared or disputed in the package whatever its version.
/// </param>
internal sealed record VulnerablePackage(
    string Manager, string Name, InstalledPackage Installed, IReadOnlySet<string> Open, IReadOnlySet<string> Wanted,
    IReadOnlySet<string> Accepted)
{
    public string Version => Installed.Version ?? "";
}

/// <summary>The upgrade of a package.</summary>
/// <param name="Version">The version that it has.</param>
/// <param name="To">The lowest sufficient version, as the package's manager writes it.</param>
/// <param name="Spec">What to ask the manager for: from that version up to, but not including, the next one known to be affected.</param>
/// <param name="Clears">The open vulnerabilities of the package that this clears.</param>
/// <param name="Remaining">Those that affect the new version: old ones that nothing clears, and any new ones.</param>
public sealed record Upgrade(
    string Manager, string Name, string Version, string To, string Spec, IReadOnlyList<string> Clears, IReadOnlyList<string> Remaining)
{
    /// <summary>
    /// How it is known that the version exists. repodata: its channel holds it. seen: the organization has logged it. not_known: an
    /// advisory names it as a fix, and what the channel holds is not known. advisory: of PyPI, an advisory names it as a fix.
    /// </summary>
    public string Basis { get; init; } = OfAdvisory;

    /// <summary>By the repodata of its channel it can be installed together with the other upgrades and the rest.</summary>
    public bool Checked { get; init; }

    /// <summary>What is to be said of it besides, such as what had to be taken for possible; null where there is nothing.</summary>
    public string? Note { get; init; }

    internal const string OfRepodata = "repodata";
    internal const string OfLogs = "seen";
    internal const string NotKnown = "not_known";
    internal const string OfAdvisory = "advisory";
}

/// <summary>A vulnerability of a package that nothing clears that could be installed.</summary>
/// <param name="Known">What is known of it, as text.</param>
public sealed record Unfixed(string Manager, string Name, string Version, string Vulnerability, string Severity, string Known)
{
    /// <summary>
    /// no_fix: no published fix clears it. left_over: its files lie beside a package of conda that took its place, so that pip has nothing
    /// to upgrade. no_such_version: the channel has none that does. no_such_package: the channel has no package of
    /// the name. no_solution: one does, and something else in the environment rules it out.
    /// </summary>
    public string Reason { get; init; } = NoFix;

    /// <summary>For no_solution: the constraint that stands in the way; null otherwise.</summary>
    public string? Constraint { get; init; }

    internal const string NoFix = "no_fix";
    internal const string NoSuchVersion = "no_such_version";
    internal const string NoSuchPackage = "no_such_package";
    internal const string NoSolution = "no_solution";
    internal const string OfLeftOver = "left_over";
}
