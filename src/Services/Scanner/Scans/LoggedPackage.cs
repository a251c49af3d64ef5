using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A package of an environment log, as Ingest stores it.</summary>
internal sealed record LoggedPackage(
    int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build)
{
    public const string Conda = "conda";
    public const string PyPi = "pypi";

    public InstalledPackage AsInstalled() => InstalledPackageOf(Manager, Name, Version, Build, Channel);

    /// <summary>An empty field is one that the log does not have.</summary>
    public static InstalledPackage InstalledPackageOf(string manager, string name, string? version, string? build, string? channel) => new(
        manager == PyPi ? PackageManager.PyPI : PackageManager.Conda, name, string.IsNullOrEmpty(version) ? null : version,
        string.IsNullOrEmpty(build) ? null : build, string.IsNullOrEmpty(channel) ? null : channel);
}
