using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Scans;

/// <summary>The scan result of a package.</summary>
internal sealed record ScannedPackage(LoggedPackage Package, PackageMapping Mapping, string Coverage, string? Reason, Finding[] Findings)
{
    public static ScannedPackage Of(LoggedPackage package, AdvisoryIndex index)
    {
        var installed = package.AsInstalled();
        var match = index.Match(installed);
        return new(
            package, PackageMapping.Of(installed, match.Mapped, index), Texts.Of(match.Coverage),
            NotCheckedReasons.CodeOf(match.Reason), Finding.Of(match));
    }
}
