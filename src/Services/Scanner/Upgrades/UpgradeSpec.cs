using System.Text.RegularExpressions;

using EnvPlatform.Conda;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>What to ask a package manager for, in its own spelling and its own order of versions.</summary>
internal static partial class UpgradeSpec
{
    /// <summary>
    /// A version as conda or pip writes it; null when it cannot be written. conda allows no dash: CRAN's <c>1.2-3</c> is conda's
    /// <c>1.2_3</c>. A version of PyPI is written in the normal form of PEP 440, as both do.
    /// </summary>
    public static string? Spell(string manager, VersionScheme scheme, string version)
    {
        if (scheme == VersionScheme.Pep440)
        {
            return Pep440Version.TryParse(version, out var parsed) ? parsed.ToNormalForm() : null;
        }

        if (manager == "pypi")
        {
            return null;
        }

        var text = version.Length > 1 && version[0] is 'v' or 'V' ? version[1..] : version;
        text = text.Replace('-', '_').Replace('~', '_').Replace(':', '_');
        return Plain().IsMatch(text) && CondaVersion.TryParse(text, out _) ? text : null;
    }

    /// <summary>
    /// From a version up to, but not including, the next version known to be affected, whichever the manager's solver would choose.
    /// </summary>
    /// <param name="isTolerated">Whether a vulnerability may affect the installed version.</param>
    public static (string Spelled, string Spec) Of(
        VulnerablePackage package, PackageTable table, string version, Func<string, bool> isTolerated)
    {
        var spelled = SpellLike(package, table.Scheme, version)!;
        var affected = Affected(table, isTolerated);
        var ends = Enumerable.Range(table.SlotOf(version) + 1, table.Slots - table.SlotOf(version) - 1)
            .Where(slot => affected[slot]).Take(1)
            .Select(slot => new Bound(SpellLike(package, table.Scheme, table.VersionOf(slot)), slot % 2 == 0));
        var (order, bound) = package.Manager == "pypi"
            ? (VersionScheme.Pep440, ends.Select(end => (Bound?)end).FirstOrDefault())
            : (VersionScheme.Conda, InOrderOfConda(package, table, spelled, affected, ends));
        // Where nothing above the version is known to be good, or not in the orders of both, the spec is that version alone.
        return (spelled, bound is { } end
            && (VersionOrder.Compare(order, end.Version, spelled) <= 0 || VersionOrder.Compare(table.Scheme, end.Version, spelled) < 0)
                ? $"{package.Name}=={spelled}"
                : Text(package.Name, spelled, bound));
    }

    /// <summary>From a version that a channel holds up to, but not including, the next one that is not to be chosen.</summary>
    /// <param name="held">All versions that the channel holds.</param>
    /// <param name="good">Those of them that may be chosen, with <paramref name="version"/>.</param>
    public static string OfChannel(
        VulnerablePackage package, PackageTable table, string version, IEnumerable<string> held, IReadOnlySet<string> good,
        Func<string, bool> isTolerated)
    {
        var affected = Affected(table, isTolerated);
        var slot = table.SlotOf(version);
        var ends = Enumerable.Range(slot + 1, Math.Max(table.Slots - slot - 1, 0)).Where(one => affected[one]).Take(1)
            .Select(one => new Bound(SpellLike(package, table.Scheme, table.VersionOf(one)), one % 2 == 0));
        var later = held.Where(other => VersionOrder.Compare(VersionScheme.Conda, other, version) > 0)
            .Order(Comparer<string>.Create(static (a, b) => VersionOrder.Compare(VersionScheme.Conda, a, b) ?? 0)).ToArray();
        var known = InOrderOfConda(package, table, version, affected, ends);
        var bad = later.Where(other => !good.Contains(other)).Select(other => (Bound?)new Bound(other, false)).FirstOrDefault();
        var end = known is { } a && bad is { } b ? ByOrderOfConda.Compare(a, b) <= 0 ? a : b : known ?? bad;
        if (end is not { } bound)
        {
            return Text(package.Name, version, null);
        }

        if (VersionOrder.Compare(VersionScheme.Conda, bound.Version, version) > 0
            && VersionOrder.Compare(table.Scheme, bound.Version, version) is not < 0)
        {
            return Text(package.Name, version, bound);
        }

        // conda sorts openssl 1.1.1 after 1.1.1w: a bound that people take for lower than the version is replaced by the last good version.
        var last = later.TakeWhile(other => good.Contains(other) && VersionOrder.Compare(VersionScheme.Conda, other, bound.Version) < 0)
            .LastOrDefault();
        return last is null ? $"{package.Name}=={version}" : Text(package.Name, version, new Bound(last, true));
    }

    // conda's order is not the project's: it sorts openssl 1.1.1 after 1.1.1w. Affected versions after the version in conda's order are
    // excluded as well.
    private static Bound? InOrderOfConda(
        VulnerablePackage package, PackageTable table, string spelled, bool[] affected, IEnumerable<Bound> ends)
    {
        var known = Enumerable.Range(0, affected.Length).Where(slot => slot % 2 == 1 && affected[slot]).Select(table.VersionOf)
            .Append(package.Version).Select(other => new Bound(SpellLike(package, table.Scheme, other), false))
            .Where(other => VersionOrder.Compare(VersionScheme.Conda, other.Version, spelled) > 0);
        return known.Concat(ends).Where(bound => bound.Version is not null).Order(ByOrderOfConda)
            .Select(bound => (Bound?)bound).FirstOrDefault();
    }

    private static bool[] Affected(PackageTable table, Func<string, bool> isTolerated)
    {
        var affected = new bool[table.Slots];
        var here = 0;
        for (var walk = table.Walk(); walk.Next();)
        {
            here += walk.Begun.Count(id => !isTolerated(id)) - walk.Ended.Count(id => !isTolerated(id));
            affected[walk.Slot] = here > 0;
        }

        return affected;
    }

    // An epoch is conda's own: no project but those of PyPI has one.
    private static string? SpellLike(VulnerablePackage package, VersionScheme scheme, string version)
    {
        var spelled = Spell(package.Manager, scheme, version);
        var epoch = package.Version.IndexOf('!', StringComparison.Ordinal);
        return spelled is null || epoch < 0 || scheme == VersionScheme.Pep440 || spelled.Contains('!', StringComparison.Ordinal)
            ? spelled
            : string.Concat(package.Version.AsSpan(0, epoch + 1), spelled);
    }

    private static string Text(string name, string from, Bound? to) =>
        $"{name}>={from}" + (to is { Version: { } version } ? $",{(to.Value.IsIncluded ? "<=" : "<")}{version}" : "");

    [GeneratedRegex("^[0-9A-Za-z._+!]+$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Plain();

    // For the same version, the exclusive bound comes first.
    private static readonly Comparer<Bound> ByOrderOfConda = Comparer<Bound>.Create(static (a, b) =>
        VersionOrder.Compare(VersionScheme.Conda, a.Version, b.Version) is { } order and not 0
            ? order
            : a.IsIncluded.CompareTo(b.IsIncluded));

    /// <summary>The upper bound of what may be installed.</summary>
    private readonly record struct Bound(string? Version, bool IsIncluded);
}
