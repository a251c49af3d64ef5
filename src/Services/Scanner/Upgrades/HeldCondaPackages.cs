using EnvPlatform.Conda;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A conda package of the environment that is to be upgraded, vulnerable or not.</summary>
/// <param name="Version">Empty where the log does not say.</param>
/// <param name="Channel">Canonical; null where the log does not say.</param>
internal sealed record HeldPackage(string Name, string Version, string Build, string? Channel, string Subdir)
{
    public static HeldPackage Of(CondaChannels channels, string name, string? version, string? build, string? channel, string? subdir) =>
        new(name, version ?? "", build ?? "", RepodataChannels.NameOf(channels, channel), subdir ?? "");
}

/// <summary>
/// What the names of an environment may be: what is installed, and what the channels hold. python keeps its minor version, as conda keeps
/// it, unless it is upgraded itself.
/// </summary>
internal sealed class HeldCondaPackages
{
    private const string Python = "python";
    private readonly ChannelContents _contents;
    private readonly Dictionary<string, HeldPackage> _held;
    private readonly Dictionary<string, ChannelBuild> _installed;

    private HeldCondaPackages(
        ChannelContents contents, Dictionary<string, HeldPackage> held, Dictionary<string, ChannelBuild> installed)
    {
        _contents = contents;
        _held = held;
        _installed = installed;
    }

    public IReadOnlyCollection<string> Names => _held.Keys;

    /// <summary>Upgrades that were decided on: of each name, the builds that it may have, lowest version first.</summary>
    public Dictionary<string, ChannelBuild[]> Upgraded { get; } = new(StringComparer.Ordinal);

    public static async Task<HeldCondaPackages> ReadAsync(
        ChannelContents contents, IEnumerable<HeldPackage> packages, CancellationToken ct)
    {
        var held = packages.DistinctBy(package => package.Name).ToDictionary(package => package.Name, StringComparer.Ordinal);
        var installed = await contents.FindAsync(
            [.. held.Values.Where(package => contents.Of(package.Channel) is not null)
                .Select(package => new ChannelContents.Sought(package.Channel!, package.Name, package.Version, package.Build))], ct);
        return new(contents, held, installed);
    }

    /// <summary>Whether it is what is installed.</summary>
    public bool Has(ChannelBuild build) =>
        _held.TryGetValue(build.Name, out var held) && (held.Version, held.Build) == (build.Version, build.Build);

    /// <summary>Of an installed package; of another the first known one, which it would come from.</summary>
    public string? ChannelOf(string name) => _held.TryGetValue(name, out var held)
        ? held.Channel
        : _contents.Known.FirstOrDefault(channel => _contents.BuildsOf(channel.Channel, name) is { Length: > 0 })?.Channel;

    /// <summary>The installed packages whose constraints are not known, because their channel does not hold or list them.</summary>
    public string[] WithoutConstraints() =>
        [.. _held.Keys.Where(name => !_installed.ContainsKey(name)).Order(StringComparer.Ordinal)];

    /// <summary>Whether an installed package depends on one of the names, as far as known.</summary>
    public bool DependsOn(string name, IReadOnlySet<string> names) =>
        _installed.TryGetValue(name, out var build)
        && build.Depends.Any(text => _contents.SpecOf(text) is { } spec && names.Contains(spec.Name));

    /// <summary>The names that no other package of the environment needs.</summary>
    public IEnumerable<string> Roots()
    {
        var needed = _installed.Values.SelectMany(build => build.Depends).Select(_contents.SpecOf).OfType<MatchSpec>()
            .Select(spec => spec.Name).ToHashSet(StringComparer.Ordinal);
        return _held.Keys.Where(name => !needed.Contains(name) || name == Python);
    }

    /// <summary>Null where they have to be loaded.</summary>
    public Candidates? CandidatesOf(string name)
    {
        if (Upgraded.TryGetValue(name, out var upgraded))
        {
            return new(upgraded, false, _held[name].Channel!);
        }

        if (!_held.TryGetValue(name, out var held))
        {
            return New(name);
        }

        var installed = _installed.GetValueOrDefault(name) ?? new(name, held.Version, held.Build, 0, [], []);
        if (_contents.Of(held.Channel) is not { } channel)
        {
            return new([installed], true, held.Channel ?? "an unknown channel");
        }

        return new(
            [installed], !channel.IsWhole, IsPinned(name) ? $"{Python} {MinorOf(held.Version)} of {channel.Channel}" : channel.Channel,
            () => _contents.BuildsOf(channel.Channel, name) is { } builds
                ? [.. Ordered(held, builds.Where(build => IsAllowed(held, build) && !Has(build)))]
                : null);
    }

    // Those of the same version first, then later ones, then earlier ones.
    private static IEnumerable<ChannelBuild> Ordered(HeldPackage held, IEnumerable<ChannelBuild> builds) =>
        builds.Select(build => (Build: build, Order: CondaOrder.Compare(build.Version, held.Version)))
            .OrderBy(one => one.Order == 0 ? 0 : one.Order > 0 ? 1 : 2)
            .ThenBy(one => one.Build, Comparer<ChannelBuild>.Create((a, b) => CondaOrder.Compare(a.Version, held.Version) > 0
                ? CondaOrder.Compare(a.Version, b.Version) : CondaOrder.Compare(b.Version, a.Version)))
            .ThenBy(one => one.Build.HasTrackFeatures).ThenByDescending(one => one.Build.BuildNumber).Select(one => one.Build);

    private Candidates? New(string name)
    {
        var open = false;
        foreach (var channel in _contents.Known)
        {
            if (_contents.BuildsOf(channel.Channel, name) is not { } builds)
            {
                return null;
            }

            if (builds.Length > 0)
            {
                return new(
                    [.. builds.OrderBy(build => build.HasTrackFeatures).ThenByDescending(build => build.Version, CondaOrder.Comparer)
                        .ThenByDescending(build => build.BuildNumber)], false, channel.Channel);
            }

            open |= !channel.IsWhole;
        }

        // A channel of the environment that is not known may have it.
        open |= _held.Values.Any(package => _contents.Of(package.Channel) is null);
        var where = string.Join(" and ", _contents.Known.Select(channel => channel.Channel));
        return open ? new([new(name, "0", "", 0, [], [])], true, where) : new([], false, where);
    }

    private bool IsPinned(string name) => name == Python && !Upgraded.ContainsKey(name);

    private bool IsAllowed(HeldPackage held, ChannelBuild build) =>
        !IsPinned(held.Name) || VersionSpec.StartsWith(build.Version, MinorOf(held.Version));

    private static string MinorOf(string version) => string.Join('.', version.Split('.').Take(2));
}

/// <summary>conda's order of versions; what is none comes first.</summary>
internal static class CondaOrder
{
    public static Comparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    public static int Compare(string a, string b) =>
        Matching.Versions.VersionOrder.Compare(Matching.Versions.VersionScheme.Conda, a, b) ?? string.CompareOrdinal(a, b);
}
