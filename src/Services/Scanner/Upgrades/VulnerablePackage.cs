using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A package of an environment, and what was found in it.</summary>
/// <param name="Manager">conda or pypi.</param>
/// <param name="Open">The vulnerabilities that affect it and that nobody holds to be mitigated, cleared or disputed.</param>
/// <param name="Wanted">Those of them that are to be cleared.</param>
/// <param name="Accepted">
/// Vulnerabilities, of this version or not, that are held to be mitigated, cleared or disputed in the package whatever its version.
/// </param>
internal sealed record VulnerablePackage(
    string Manager, string Name, InstalledPackage Installed, IReadOnlySet<string> Open, IReadOnlySet<string> Wanted,
    IReadOnlySet<string> Accepted)
{
    public string Version => Installed.Version ?? "";
}

/// <summary>A package is to be brought to another version.</summary>
/// <param name="Version">The version that it has.</param>
/// <param name="To">The lowest version that does, as the package's manager writes it.</param>
/// <param name="Spec">What to ask the manager for: from that version on, to before the next that is known to be affected.</param>
/// <param name="Clears">The open vulnerabilities of the package that this ends.</param>
/// <param name="Remaining">Those that affect the new version: known ones that nothing clears, and any that it brings.</param>
public sealed record Upgrade(
    string Manager, string Name, string Version, string To, string Spec, IReadOnlyList<string> Clears, IReadOnlyList<string> Remaining);

/// <summary>A vulnerability of a package that no published fix clears.</summary>
/// <param name="Known">What is known of it, in words.</param>
public sealed record Unfixed(string Manager, string Name, string Version, string Vulnerability, string Severity, string Known);
