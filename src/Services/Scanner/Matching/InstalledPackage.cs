namespace EnvPlatform.Scanner.Matching;

/// <summary>What installed a package in an environment.</summary>
public enum PackageManager
{
    Conda,
    PyPI,
}

/// <summary>A package as an environment log gives it.</summary>
/// <param name="Version">Null or empty where the log has no exact version; the package is then not matched.</param>
/// <param name="Build">conda's build string; null or empty where the log does not say (and for PyPI).</param>
/// <param name="Channel">
/// The canonical name of conda's channel (<c>conda-forge</c>, <c>pkgs/main</c>, the address of a private one); null or empty where the log
/// does not say (and for PyPI).
/// </param>
public readonly record struct InstalledPackage(
    PackageManager Manager, string Name, string? Version, string? Build = null, string? Channel = null);
