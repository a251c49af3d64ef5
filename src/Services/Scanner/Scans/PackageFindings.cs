using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A vulnerability of a package, by one or more advisories.</summary>
/// <param name="FixedIn">Versions that are no longer affected, in the advisories' order.</param>
internal sealed record Finding(string VulnerabilityId, string[] Advisories, string[] FixedIn)
{
    /// <summary>The findings of a match: one for each vulnerability, however many advisories speak of it.</summary>
    public static Finding[] Of(in PackageMatch match) =>
    [
        .. match.Hits.GroupBy(hit => hit.Advisory.VulnerabilityId, StringComparer.Ordinal).Select(hits => new Finding(
            hits.Key, [.. hits.Select(hit => hit.Advisory.Id).Order(StringComparer.Ordinal)], [.. hits.SelectMany(hit => hit.FixedIn).Distinct(StringComparer.Ordinal)]))
            .OrderBy(finding => finding.VulnerabilityId, StringComparer.Ordinal),
    ];

    public bool Says(Finding other) =>
        VulnerabilityId == other.VulnerabilityId && Advisories.SequenceEqual(other.Advisories) && FixedIn.SequenceEqual(other.FixedIn);
}

/// <summary>A package of an environment log: as Ingest knows it.</summary>
internal sealed record LoggedPackage(int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build)
{
    public const string Conda = "conda";
    public const string PyPi = "pypi";

    public InstalledPackage AsInstalled() => InstalledPackageOf(Manager, Name, Version, Build, Channel);

    /// <summary>Empty fields are fields that the log does not have.</summary>
    public static InstalledPackage InstalledPackageOf(string manager, string name, string? version, string? build, string? channel) => new(
        manager == PyPi ? PackageManager.PyPI : PackageManager.Conda, name, string.IsNullOrEmpty(version) ? null : version,
        string.IsNullOrEmpty(build) ? null : build, string.IsNullOrEmpty(channel) ? null : channel);
}

/// <summary>What was found out about a package.</summary>
internal sealed record ScannedPackage(LoggedPackage Package, string Ecosystem, string Project, string Coverage, string? Reason, Finding[] Findings)
{
    public static ScannedPackage Of(LoggedPackage package, AdvisoryIndex index)
    {
        var match = index.Match(package.AsInstalled());
        var identity = match.Mapped.Identity;
        return new(
            package, identity.Ecosystem, identity.Name, Texts.Of(match.Coverage), NotCheckedReasons.CodeOf(match.Reason), Finding.Of(match));
    }
}
