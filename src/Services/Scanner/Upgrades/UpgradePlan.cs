using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// The smallest set of upgrades that clears an environment. Each project with something to clear is upgraded, in all of its affected
/// packages, to the lowest version that an advisory names as a fix and that leaves the fewest vulnerabilities: first of those to be
/// cleared, then of all other known ones. No version is invented, and none is lowered.
/// </summary>
internal sealed record UpgradePlan(IReadOnlyList<Upgrade> Upgrades, IReadOnlyList<Unfixed> Unfixed)
{
    public static UpgradePlan Of(AdvisoryIndex index, IEnumerable<VulnerablePackage> packages)
    {
        var upgrades = new List<Upgrade>();
        var unfixed = new List<Unfixed>();
        // Outputs that are split from one upstream hold the same project and are upgraded together.
        foreach (var group in packages.Where(package => package.Wanted.Count > 0)
            .Select(package => (Package: package, Table: index.TableOf(package.Installed)))
            .GroupBy(pair => (pair.Package.Manager, pair.Table?.Identity)))
        {
            if (group.First().Table is { } table)
            {
                new ProjectUpgrade(table, [.. group.Select(pair => pair.Package)]).AddTo(upgrades, unfixed);
            }
        }

        return new(
            [.. upgrades.OrderBy(upgrade => upgrade.Manager, StringComparer.Ordinal)
                .ThenBy(upgrade => upgrade.Name, StringComparer.Ordinal)],
            [.. unfixed.OrderBy(one => one.Manager, StringComparer.Ordinal).ThenBy(one => one.Name, StringComparer.Ordinal)
                .ThenBy(one => one.Vulnerability, StringComparer.Ordinal)]);
    }
}

/// <summary>The upgrade of all packages of an environment that one manager installed and that hold the same project.</summary>
internal sealed class ProjectUpgrade
{
    private readonly PackageTable _table;
    private readonly VulnerablePackage[] _packages;
    private readonly HashSet<string> _wanted;

    // What is accepted in all of the packages.
    private readonly HashSet<string> _accepted;

    // Why a fix that would have been the target is none.
    private string? _withheld;

    public ProjectUpgrade(PackageTable table, VulnerablePackage[] packages)
    {
        _table = table;
        _packages = packages;
        _wanted = packages.SelectMany(package => package.Wanted).ToHashSet(StringComparer.Ordinal);
        _accepted = packages[0].Accepted.Where(id => packages.All(package => package.Accepted.Contains(id)))
            .ToHashSet(StringComparer.Ordinal);
    }

    public void AddTo(List<Upgrade> upgrades, List<Unfixed> unfixed)
    {
        var comparable = _packages.Where(package => _table.SlotOf(package.Version) >= 0).ToArray();
        var target = comparable.Length > 0 ? Target(Highest(comparable)) : null;
        var left =
            target is { } fix ? _table.At(fix.Slot).Select(hit => hit.Advisory.VulnerabilityId).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var package in _packages.GroupBy(package => package.Name).Select(Merge))
        {
            var moves = target is not null && comparable.Any(one => one.Name == package.Name) && !package.Wanted.IsSubsetOf(left);
            if (moves)
            {
                upgrades.Add(UpgradeOf(package, target!.Value, left));
            }

            unfixed.AddRange(package.Wanted.Where(id => !moves || left.Contains(id)).Select(id => UnfixedOf(package, id, target)));
        }
    }

    // A duplicate package, such as one of pip with the remains of an older one, is upgraded once.
    private VulnerablePackage Merge(IEnumerable<VulnerablePackage> same) => Merge(_table, same);

    public static VulnerablePackage Merge(PackageTable table, IEnumerable<VulnerablePackage> same)
    {
        VulnerablePackage[] all = [.. same];
        if (all.Length == 1)
        {
            return all[0];
        }

        var lowest = all.Aggregate((a, b) => VersionOrder.Compare(table.Scheme, b.Version, a.Version) < 0 ? b : a);
        return lowest with
        {
            Open = all.SelectMany(one => one.Open).ToHashSet(StringComparer.Ordinal),
            Wanted = all.SelectMany(one => one.Wanted).ToHashSet(StringComparer.Ordinal),
            Accepted = all[0].Accepted.Where(id => all.All(one => one.Accepted.Contains(id))).ToHashSet(StringComparer.Ordinal),
        };
    }

    private string Highest(VulnerablePackage[] packages) =>
        packages.Select(package => package.Version).Aggregate((a, b) => VersionOrder.Compare(_table.Scheme, b, a) > 0 ? b : a);

    /// <summary>Of the fixes above a version, the one that leaves the fewest vulnerabilities; null where none clears anything.</summary>
    private (string Version, int Slot)? Target(string version)
    {
        var start = Array.FindIndex(_table.Fixes, fix => VersionOrder.Compare(_table.Scheme, fix.Version, version) > 0);
        if (start < 0)
        {
            return null;
        }

        (string Version, int Slot)? best = null;
        var fewest = (Wanted: _wanted.Count, Others: int.MaxValue);
        var here = (Wanted: 0, Others: 0);
        var walk = _table.Walk();
        for (var next = start; next < _table.Fixes.Length && walk.Next();)
        {
            foreach (var id in walk.Begun)
            {
                here = Add(here, id, 1);
            }

            foreach (var id in walk.Ended)
            {
                here = Add(here, id, -1);
            }

            for (; next < _table.Fixes.Length && _table.Fixes[next].Slot == walk.Slot; next++)
            {
                if (here.CompareTo(fewest) >= 0 || here.Wanted == _wanted.Count || !IsSpelled(_table.Fixes[next].Version))
                {
                    continue;
                }

                if (WithheldReleases.Why(_table.Identity, _table.Scheme, _table.Fixes[next].Version) is { } why)
                {
                    _withheld ??= why;
                    continue;
                }

                (best, fewest) = (_table.Fixes[next], here);
            }
        }

        return best;
    }

    private (int Wanted, int Others) Add((int Wanted, int Others) counts, string id, int sign) =>
        _wanted.Contains(id) ? (counts.Wanted + sign, counts.Others)
        : _accepted.Contains(id) ? counts
        : (counts.Wanted, counts.Others + sign);

    private bool IsSpelled(string version) =>
        _packages.All(package => UpgradeSpec.Spell(package.Manager, _table.Scheme, version) is not null);

    private Upgrade UpgradeOf(VulnerablePackage package, (string Version, int Slot) target, HashSet<string> left)
    {
        var (spelled, spec) = UpgradeSpec.Of(package, _table, target.Version, id => left.Contains(id) || _accepted.Contains(id));
        return new(
            package.Manager, package.Name, package.Version, spelled, spec,
            [.. package.Open.Where(id => !left.Contains(id)).Order(StringComparer.Ordinal)],
            [.. left.Where(id => !package.Accepted.Contains(id)).Order(StringComparer.Ordinal)])
        {
            Basis = package.Manager == "conda" ? Upgrade.NotKnown : Upgrade.OfAdvisory,
            Note = _withheld,
        };
    }

    private Unfixed UnfixedOf(VulnerablePackage package, string vulnerability, (string Version, int Slot)? target) =>
        UnfixedOf(_table, package, vulnerability, (hits, isValid) => Known(package, vulnerability, hits, isValid, target));

    /// <param name="known">What is known of it, given the hits of the installed version and whether it can be compared.</param>
    public static Unfixed UnfixedOf(
        PackageTable table, VulnerablePackage package, string vulnerability, Func<Hit[], bool, string> known)
    {
        var hits = table.Match(package.Version, out var isValid).Where(hit => hit.Advisory.VulnerabilityId == vulnerability).ToArray();
        var severity = hits.Length > 0 ? Texts.Of(hits[0].Advisory.Severity) : "unknown";
        return new(package.Manager, package.Name, package.Version, vulnerability, severity, known(hits, isValid));
    }

    private string Known(VulnerablePackage package, string vulnerability, Hit[] hits, bool isValid, (string Version, int Slot)? target)
    {
        if (!isValid)
        {
            return $"{package.Version} cannot be compared in the order {VersionOrder.NameOf(_table.Scheme)}, so that no version is "
                + "known to be later.";
        }

        var fixes = hits.SelectMany(hit => hit.FixedIn.Select(fix => (Hit: hit, Fix: fix))).ToArray();
        if (fixes.Length == 0)
        {
            return "No advisory names a version that fixes it. Affected: "
                + string.Join("; ", hits.Select(hit => $"{(hit.Range == "*" ? "every version" : hit.Range)} ({hit.Advisory.Id})")) + ".";
        }

        var (named, version) = fixes[^1];
        var again = _table.Match(version, out _).FirstOrDefault(hit => hit.Advisory.VulnerabilityId == vulnerability);
        return again is not null
            ? $"{version}, which {named.Advisory.Id} names as its fix, is affected itself: {again.Range} ({again.Advisory.Id})."
            : WithheldReleases.Why(_table.Identity, _table.Scheme, version) is { } why
                ? $"{version} would clear it ({named.Advisory.Id}), but cannot be had. {why}"
            : $"{version} would clear it ({named.Advisory.Id})"
                + (target is { } other ? $", but leaves more than {other.Version} does." : ", but conda cannot ask for that version.");
    }
}
