using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Scans;

/// <summary>What was found out about a package.</summary>
/// <param name="NotEvaluable">The advisories that cannot be compared with its version, where that is the reason.</param>
internal sealed record ScannedPackage(
    LoggedPackage Package, PackageMapping Mapping, string Coverage, string? Reason, string[] NotEvaluable, Found Found)
{
    public static ScannedPackage Of(LoggedPackage package, AdvisoryIndex index)
    {
        var installed = package.AsInstalled();
        var match = index.Match(installed);
        return new(
            package, PackageMapping.Of(installed, match.Mapped, index), Texts.Of(match.Coverage),
            NotCheckedReasons.CodeOf(match.Reason), match.NotEvaluable, Found.Of(match, installed, package.Subdir, index));
    }
}
