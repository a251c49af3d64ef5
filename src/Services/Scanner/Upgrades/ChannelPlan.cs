using System.Globalization;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A conda package with something to clear whose channel is known.</summary>
internal sealed record InChannel(VulnerablePackage Package, PackageTable Table, HeldChannel Channel);

/// <summary>
/// Upgrades of conda packages whose channels are known: to the lowest version that the channel holds, that leaves the fewest
/// vulnerabilities, and that can be installed together with the upgrades before it and the rest of the environment.
/// </summary>
internal sealed class ChannelPlan
{
    private const string Python = "python";

    // Sets of versions that leave ever more vulnerabilities, to try when the best cannot be installed.
    private const int MostTried = 16;

    // Each loads names that the one before it turned out to need.
    private const int MostRounds = 200;
    private readonly ChannelContents _contents;
    private readonly HeldCondaPackages _held;
    private readonly SearchBudget _budget = new();
    private readonly List<Choice> _choices = [];
    private readonly List<Unfixed> _unfixed = [];
    private SearchResult.Solved? _solved;
    private string[] _dropped = [];
    private string? _contradiction;

    private ChannelPlan(ChannelContents contents, HeldCondaPackages held)
    {
        _contents = contents;
        _held = held;
    }

    public IEnumerable<Upgrade> Upgrades => _choices.Select(UpgradeOf);

    /// <summary>What is left, of packages that are upgraded too.</summary>
    public IEnumerable<Unfixed> Unfixed => _unfixed.Concat(_choices.SelectMany(LeftOf));

    public static async Task<ChannelPlan> MakeAsync(
        ChannelContents contents, HeldCondaPackages held, IReadOnlyList<InChannel> packages, CancellationToken ct)
    {
        var plan = new ChannelPlan(contents, held);
        foreach (var one in packages)
        {
            await plan.AddAsync(one, ct);
        }

        return plan;
    }

    /// <summary>What is to be said of the upgrades as a whole.</summary>
    public IEnumerable<string> Notes(AdvisoryIndex index)
    {
        if (_dropped.Length > 0)
        {
            yield return $"The upgrades leave no place for {string.Join(", ", _dropped)}, which no other package of the environment needs.";
        }

        if (_contradiction is { } why)
        {
            yield return $"By what its channels hold now, the environment contradicts itself ({why}): it was not decided whether every "
                + "upgrade can be installed.";
        }

        foreach (var build in _solved?.Builds.Values.Where(build => !_held.Upgraded.ContainsKey(build.Name) && !_held.Has(build)) ?? [])
        {
            var found = index.Match(new(PackageManager.Conda, build.Name, build.Version, build.Build, _held.ChannelOf(build.Name))).Hits
                .Select(hit => hit.Advisory.VulnerabilityId).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
            if (found.Length > 0)
            {
                yield return $"The upgrades may bring {build.Name} {build.Version}, which is affected by {string.Join(", ", found)}.";
            }
        }
    }

    private async Task AddAsync(InChannel one, CancellationToken ct)
    {
        var (package, table, channel) = one;
        var builds = _contents.BuildsOf(channel.Channel, package.Name) ?? [];
        if (table.SlotOf(package.Version) < 0)
        {
            Leave(one, package.Wanted, $"{package.Version} cannot be compared in the order {VersionOrder.NameOf(table.Scheme)}, so that no "
                + "version is known to be later.", Scanner.Upgrades.Unfixed.NoFix, null);
            return;
        }

        if (builds.Length == 0)
        {
            Leave(one, package.Wanted, $"{channel.Channel} has no package {package.Name} for {_contents.Platform} "
                + $"({AsOf(channel)}), so that no version of it can be asked for.", Scanner.Upgrades.Unfixed.NoSuchPackage, null);
            return;
        }

        var groups = Score(one, builds).GroupBy(version => version.Score).OrderBy(group => group.Key)
            .Where(group => group.Key.Wanted < package.Wanted.Count).Take(MostTried).ToArray();
        if (groups.Length == 0)
        {
            Leave(one, package.Wanted, NoVersion(one, builds), Scanner.Upgrades.Unfixed.NoSuchVersion, null);
            return;
        }

        string? stands = null;
        foreach (var group in groups)
        {
            var good = group.Select(version => version.Version).ToHashSet(StringComparer.Ordinal);
            var choice = new Choice(one, [.. builds.Select(build => build.Version).Distinct(StringComparer.Ordinal)], good);
            var why = await TryAsync(choice, builds, ct);
            if (why is null)
            {
                _choices.Add(choice);
                return;
            }

            stands ??= $"{group.First().Version} would clear it, but {why}.";
        }

        Leave(one, package.Wanted, stands!, Scanner.Upgrades.Unfixed.NoSolution, stands);
    }

    /// <summary>The versions that are later than the installed one and can be compared, the lowest first.</summary>
    private static IEnumerable<Scored> Score(InChannel one, ChannelBuild[] builds)
    {
        var (package, table, _) = one;
        return builds.Select(build => build.Version).Distinct(StringComparer.Ordinal)
            .Where(version => VersionOrder.Compare(table.Scheme, version, package.Version) > 0)
            .Order(Comparer<string>.Create((a, b) => VersionOrder.Compare(table.Scheme, a, b) ?? 0))
            .Select(version =>
            {
                var left = IdsAt(table, version);
                return new Scored(version, (
                    left.Count(package.Wanted.Contains),
                    left.Count(id => !package.Wanted.Contains(id) && !package.Accepted.Contains(id))));
            });
    }

    /// <summary>Whether the builds of a choice go with what was chosen before and the rest of the environment.</summary>
    /// <returns>The constraint that stands in the way; null where the choice is taken.</returns>
    private async Task<string?> TryAsync(Choice choice, ChannelBuild[] builds, CancellationToken ct)
    {
        var name = choice.Of.Package.Name;
        var scheme = choice.Of.Table.Scheme;
        _held.Upgraded[name] =
        [
            .. builds.Where(build => choice.Good.Contains(build.Version))
                .OrderBy(build => build.Version, Comparer<string>.Create((a, b) => VersionOrder.Compare(scheme, a, b) ?? 0))
                .ThenBy(build => build.HasTrackFeatures).ThenByDescending(build => build.BuildNumber),
        ];
        var result = await SearchAsync(_held.Names, ct);
        var dropped = Array.Empty<string>();
        if (result is SearchResult.Blocked blocked)
        {
            // A package that is there only because another needed it need not stay.
            var roots = _held.Roots().Union(_held.Upgraded.Keys, StringComparer.Ordinal).ToArray();
            result = roots.Length < _held.Names.Count ? await SearchAsync(roots, ct) : result;
            dropped = result is SearchResult.Solved fewer
                ? [.. _held.Names.Where(other => !fewer.Builds.ContainsKey(other)).Order(StringComparer.Ordinal)] : [];
            if (result is SearchResult.Blocked && await ContradictionAsync(ct) is { } contradiction)
            {
                _contradiction = contradiction;
                result = new SearchResult.Undecided();
            }
            else if (result is SearchResult.Blocked)
            {
                _held.Upgraded.Remove(name);
                return blocked.Why;
            }
        }

        (_solved, _dropped) = result is SearchResult.Solved solved ? (solved, dropped) : (null, []);
        return null;
    }

    /// <summary>Whether the environment as it is fits together, by what the channels hold now.</summary>
    private async Task<string?> ContradictionAsync(CancellationToken ct)
    {
        var upgraded = _held.Upgraded.ToArray();
        _held.Upgraded.Clear();
        var result = await SearchAsync(_held.Names, ct);
        foreach (var (name, builds) in upgraded)
        {
            _held.Upgraded[name] = builds;
        }

        return (result as SearchResult.Blocked)?.Why;
    }

    private async Task<SearchResult> SearchAsync(IReadOnlyCollection<string> required, CancellationToken ct)
    {
        // What is upgraded and python decide most, then whatever depends on what is upgraded.
        var upgraded = _held.Upgraded.Keys.ToHashSet(StringComparer.Ordinal);
        var first = required.Count(name => upgraded.Contains(name) || name == Python);
        string[] ordered =
        [
            .. required.OrderBy(name => upgraded.Contains(name) ? 0 : name == Python ? 1 : _held.DependsOn(name, upgraded) ? 2 : 3)
                .ThenBy(name => name, StringComparer.Ordinal),
        ];
        for (var round = 0; round < MostRounds && _contradiction is null; round++)
        {
            var search = new BuildSearch(_held.CandidatesOf, _contents.SpecOf, ordered, first, _contents.Platform, _budget);
            var result = search.Run(ct);
            if (result is not SearchResult.Missing missing)
            {
                return _contents.IsTooMuch ? new SearchResult.Undecided() : result;
            }

            await _contents.LoadAsync(missing.Names, ct);
        }

        return new SearchResult.Undecided();
    }

    private Upgrade UpgradeOf(Choice choice)
    {
        var (package, table, channel) = choice.Of;
        var to = ToOf(choice);
        var left = IdsAt(table, to);
        bool IsTolerated(string id) => left.Contains(id) || package.Accepted.Contains(id);
        return new(
            package.Manager, package.Name, package.Version, to,
            UpgradeSpec.OfChannel(package, table, to, choice.Held, choice.Good, IsTolerated),
            [.. package.Open.Where(id => !left.Contains(id)).Order(StringComparer.Ordinal)],
            [.. left.Where(id => !package.Accepted.Contains(id)).Order(StringComparer.Ordinal)])
        {
            Basis = Upgrade.OfRepodata,
            Checked = _solved is not null,
            Note = _solved is null
                ? $"{channel.Channel} has it ({AsOf(channel)}); whether it can be installed beside the rest was not decided."
                : _solved.Assumed.Where(text => text.Split(' ').Contains(package.Name)).ToArray() is [_, ..] assumed
                    ? $"It was taken for possible that {string.Join(", and that ", assumed)}."
                    : null,
        };
    }

    private IEnumerable<Unfixed> LeftOf(Choice choice)
    {
        var (package, table, channel) = choice.Of;
        var to = ToOf(choice);
        var left = IdsAt(table, to);
        return package.Wanted.Where(left.Contains).Select(id => ProjectUpgrade.UnfixedOf(
            table, package, id,
            (_, _) => $"No version that {channel.Channel} has ({AsOf(channel)}) and that can be installed is free of it; {to} leaves the "
                + "fewest.") with
        { Reason = Scanner.Upgrades.Unfixed.NoSuchVersion });
    }

    private string ToOf(Choice choice) => _solved is not null && _solved.Builds.TryGetValue(choice.Of.Package.Name, out var build)
        ? build.Version
        : _held.Upgraded[choice.Of.Package.Name][0].Version;

    private static HashSet<string> IdsAt(PackageTable table, string version) =>
        table.Match(version, out _).Select(hit => hit.Advisory.VulnerabilityId).ToHashSet(StringComparer.Ordinal);

    private void Leave(InChannel one, IEnumerable<string> ids, string known, string reason, string? constraint) =>
        _unfixed.AddRange(ids.Select(id => ProjectUpgrade.UnfixedOf(one.Table, one.Package, id, (_, _) => known) with
        {
            Reason = reason,
            Constraint = constraint,
        }));

    private string NoVersion(InChannel one, ChannelBuild[] builds)
    {
        var (package, table, channel) = one;
        var latest = builds.Select(build => build.Version)
            .Where(version => table.SlotOf(version) >= 0)
            .DefaultIfEmpty(package.Version).Aggregate((a, b) => VersionOrder.Compare(table.Scheme, b, a) > 0 ? b : a);
        var fixes = package.Wanted.SelectMany(id => table.Match(package.Version, out _)
            .Where(hit => hit.Advisory.VulnerabilityId == id).SelectMany(hit => hit.FixedIn)).Distinct(StringComparer.Ordinal).ToArray();
        return $"{channel.Channel} has no later version for {_contents.Platform} that is free of it; the latest that it has is {latest} "
            + $"({AsOf(channel)})."
            + (fixes.Length == 0 ? " No advisory names a version that fixes it."
                : $" Advisories name {string.Join(", ", fixes.Take(3))} as fixes.");
    }

    private static string AsOf(HeldChannel channel) =>
        $"as of {channel.ImportedAt.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}";

    /// <param name="Score">How many vulnerabilities it leaves: of those to be cleared, and others.</param>
    private sealed record Scored(string Version, (int Wanted, int Others) Score);

    /// <param name="Held">All versions that the channel has.</param>
    /// <param name="Good">Those that leave the same, fewest vulnerabilities.</param>
    private sealed record Choice(InChannel Of, string[] Held, HashSet<string> Good);
}
