using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// Of conda packages whose channels are not known: upgrades to a version that the organization has logged, where one leaves no more
/// vulnerabilities than the fix that advisories name. The packages of one project move together.
/// </summary>
internal static class SeenPlan
{
    /// <param name="plan">By what advisories name.</param>
    /// <param name="seen">The versions of a package that the organization has logged.</param>
    public static UpgradePlan Prefer(
        UpgradePlan plan, AdvisoryIndex index, IEnumerable<VulnerablePackage> packages, Func<VulnerablePackage, IEnumerable<string>> seen)
    {
        var upgrades = plan.Upgrades.ToList();
        var unfixed = plan.Unfixed.ToList();
        foreach (var group in packages.Where(package => package.Manager == "conda" && package.Wanted.Count > 0)
            .Select(package => (Package: package, Table: index.TableOf(package.Installed))).Where(pair => pair.Table is not null)
            .GroupBy(pair => pair.Table!, pair => pair.Package))
        {
            var merged = group.GroupBy(package => package.Name).Select(same => ProjectUpgrade.Merge(group.Key, same)).ToArray();
            if (Lowest(group.Key, merged, seen) is not { } to)
            {
                continue;
            }

            var names = merged.Select(package => package.Name).ToHashSet(StringComparer.Ordinal);
            var before = upgrades.Where(upgrade => upgrade.Manager == "conda" && names.Contains(upgrade.Name)).ToArray();
            var here = Count(group.Key, merged, to);
            if (before.Any(upgrade => Count(group.Key, merged, upgrade.To).CompareTo(here) < 0))
            {
                continue;
            }

            upgrades.RemoveAll(before.Contains);
            unfixed.RemoveAll(one => one.Manager == "conda" && names.Contains(one.Name));
            foreach (var package in merged)
            {
                Add(package, group.Key, to, upgrades, unfixed);
            }
        }

        return new(upgrades, unfixed);
    }

    private static void Add(VulnerablePackage package, PackageTable table, string to, List<Upgrade> upgrades, List<Unfixed> unfixed)
    {
        var left = IdsAt(table, to);
        unfixed.AddRange(package.Wanted.Where(left.Contains).Select(id => ProjectUpgrade.UnfixedOf(
            table, package, id, (_, _) => $"{to}, which your organization has logged, leaves the fewest; no better version is known.")));
        if (package.Wanted.All(left.Contains))
        {
            return;
        }

        var (spelled, spec) = UpgradeSpec.Of(package, table, to, id => left.Contains(id) || package.Accepted.Contains(id));
        upgrades.Add(new(
            package.Manager, package.Name, package.Version, spelled, spec,
            [.. package.Open.Where(id => !left.Contains(id)).Order(StringComparer.Ordinal)],
            [.. left.Where(id => !package.Accepted.Contains(id)).Order(StringComparer.Ordinal)])
        { Basis = Upgrade.OfLogs });
    }

    /// <summary>Of the versions that were seen of all of them, the lowest of those that leave the fewest; null where none helps.</summary>
    private static string? Lowest(
        PackageTable table, VulnerablePackage[] packages, Func<VulnerablePackage, IEnumerable<string>> seen)
    {
        var common = packages.Select(package => seen(package).ToHashSet(StringComparer.Ordinal)).Aggregate((a, b) =>
        {
            a.IntersectWith(b);
            return a;
        });
        var wanted = packages.SelectMany(package => package.Wanted).Distinct(StringComparer.Ordinal).Count();
        return common
            .Where(version => UpgradeSpec.Spell("conda", table.Scheme, version) is not null
                && packages.All(package => VersionOrder.Compare(table.Scheme, version, package.Version) > 0))
            .Select(version => (Version: version, Count: Count(table, packages, version))).Where(one => one.Count.Wanted < wanted)
            .OrderBy(one => one.Count)
            .ThenBy(one => one.Version, Comparer<string>.Create((a, b) => VersionOrder.Compare(table.Scheme, a, b) ?? 0))
            .Select(one => one.Version).FirstOrDefault();
    }

    private static (int Wanted, int Others) Count(PackageTable table, VulnerablePackage[] packages, string version)
    {
        var wanted = packages.SelectMany(package => package.Wanted).ToHashSet(StringComparer.Ordinal);
        var left = IdsAt(table, version);
        return (left.Count(wanted.Contains),
            left.Count(id => !wanted.Contains(id) && !packages.All(package => package.Accepted.Contains(id))));
    }

    private static HashSet<string> IdsAt(PackageTable table, string version) =>
        table.Match(version, out _).Select(hit => hit.Advisory.VulnerabilityId).ToHashSet(StringComparer.Ordinal);
}
