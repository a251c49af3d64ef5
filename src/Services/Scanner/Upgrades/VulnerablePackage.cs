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
    string Manager, string Name, string Version, string To, string Spec, IReadOnlyList<string> Clears, IReadOnlyList<string> Remaining);

/// <summary>A vulnerability of a package that no published fix clears.</summary>
/// <param name="Known">What is known of it, as text.</param>
public sealed record Unfixed(string Manager, string Name, string Version, string Vulnerability, string Severity, string Known);
