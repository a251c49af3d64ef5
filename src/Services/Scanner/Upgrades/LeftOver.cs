using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Scans;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// What pip installed, and conda installed again later: pip's files stay, and pip takes an upgrade to a version that conda's package has
/// for done. No command clears it; whoever removes the files does.
/// </summary>
/// <param name="Upgrade">The upgrade that would do nothing.</param>
internal sealed record LeftOver(Upgrade Upgrade, IReadOnlyList<Unfixed> Unfixed)
{
    /// <param name="held">All conda packages of the environment.</param>
    public static LeftOver[] Of(
        AdvisoryIndex index, IReadOnlyList<Upgrade> upgrades, IReadOnlyList<VulnerablePackage> vulnerable, IReadOnlyList<HeldPackage> held)
    {
        var ofPip = upgrades.Where(upgrade => upgrade.Manager == LoggedPackage.PyPi).ToArray();
        if (ofPip.Length == 0)
        {
            return [];
        }

        var ofConda = held.Where(package => package.Version.Length > 0)
            .Select(package => (Package: package, Table: index.TableOf(LoggedPackage.InstalledPackageOf(
                LoggedPackage.Conda, package.Name, package.Version, package.Build, package.Channel))))
            .Where(one => one.Table is not null)
            .ToLookup(one => one.Table!.Identity, one => one.Package);
        return [.. ofPip.SelectMany(upgrade => Of(index, upgrade, vulnerable, ofConda))];
    }

    private static IEnumerable<LeftOver> Of(
        AdvisoryIndex index, Upgrade upgrade, IReadOnlyList<VulnerablePackage> vulnerable, ILookup<PackageIdentity, HeldPackage> ofConda)
    {
        var package = vulnerable.First(one => one.Manager == upgrade.Manager && one.Name == upgrade.Name);
        var table = index.TableOf(package.Installed)!;
        if (ofConda[table.Identity].FirstOrDefault(
            one => VersionOrder.Compare(table.Scheme, one.Version, upgrade.To) >= 0) is { } instead)
        {
            yield return new(upgrade, [.. package.Wanted.Order(StringComparer.Ordinal).Select(
                id => ProjectUpgrade.UnfixedOf(table, package, id, (_, _) =>
                    $"What pip left of it lies beside conda's {instead.Name} {instead.Version}, so that pip has nothing to upgrade. Remove "
                    + $"{package.Name}-{package.Version}.dist-info from site-packages.") with
                { Reason = Scanner.Upgrades.Unfixed.OfLeftOver })]);
        }
    }
}
