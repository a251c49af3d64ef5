using System.Collections.Frozen;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>What a published source says of the packages of one name in a channel.</summary>
/// <param name="Source"><see cref="PublishedMapping.Parselmouth"/> or <see cref="PublishedMapping.Grayskull"/>.</param>
/// <param name="PypiNames">The projects of PyPI; none: the source says that there is none.</param>
public sealed record PublishedEntry(string Source, string Channel, string CondaName, string[] PypiNames);

/// <summary>
/// The published mappings that were imported, resolved to at most one project for each conda name: a package has the version of one project, and comparing it with
/// ranges of others that are bundled in it would say nothing true. Immutable.
/// </summary>
public sealed class PublishedMapping
{
    /// <summary>prefix-dev/parselmouth: by the Python metadata that was found in a channel's packages.</summary>
    public const string Parselmouth = "parselmouth";

    /// <summary>conda/grayskull: names of conda-forge that differ from PyPI's, kept by hand.</summary>
    public const string Grayskull = "grayskull";

    // What builds leave behind in packages that are something else.
    private static readonly FrozenSet<string> LeftBehind = FrozenSet.Create(StringComparer.Ordinal, "distribute", "pip", "setuptools", "unknown", "wheel");

    private readonly FrozenDictionary<string, FrozenDictionary<string, PublishedAnswer>> _channels;
    private readonly FrozenDictionary<string, PublishedAnswer> _shared;

    private PublishedMapping(FrozenDictionary<string, FrozenDictionary<string, PublishedAnswer>> channels)
    {
        _channels = channels;
        _shared = channels.GetValueOrDefault(CondaChannels.CondaForge, FrozenDictionary<string, PublishedAnswer>.Empty);
    }

    /// <summary>Nothing was imported.</summary>
    public static PublishedMapping None { get; } = Of([]);

    /// <summary>Conda names of all channels.</summary>
    public int Count => _channels.Values.Sum(names => names.Count);

    public static PublishedMapping Of(IEnumerable<PublishedEntry> entries) => new(entries
        .GroupBy(entry => entry.Channel, StringComparer.Ordinal)
        .ToFrozenDictionary(
            channel => channel.Key,
            channel => channel.GroupBy(entry => entry.CondaName, StringComparer.Ordinal)
                .ToFrozenDictionary(name => name.Key, name => Resolve(name.Key, Names(name, Parselmouth), Names(name, Grayskull)), StringComparer.Ordinal),
            StringComparer.Ordinal));

    internal bool Covers(string channel) => _channels.ContainsKey(channel);

    /// <summary>
    /// The answer of the package's own channel, otherwise of conda-forge, whose names the others follow. That conda-forge's package holds no project says
    /// nothing of another channel's.
    /// </summary>
    internal PublishedAnswer Find(string? channel, string name)
    {
        if (channel is not null && _channels.TryGetValue(channel, out var own) && own.TryGetValue(name, out var answer)) return answer;
        return _shared.TryGetValue(name, out answer) && (answer.Kind != PublishedKind.NoProject || channel == CondaChannels.CondaForge) ? answer : default;
    }

    private static string[]? Names(IEnumerable<PublishedEntry> entries, string source) =>
        entries.LastOrDefault(entry => entry.Source == source)?.PypiNames.Select(Normalize).Distinct(StringComparer.Ordinal).ToArray();

    private static PublishedAnswer Resolve(string condaName, string[]? found, string[]? byHand)
    {
        var own = Normalize(condaName);
        if (found is null) return Choose(byHand ?? [], byHand, own, MappingBasis.Grayskull);
        return found.Length == 0 ? new PublishedAnswer(PublishedKind.NoProject, MappingBasis.Parselmouth, condaName, false) : Choose(found, byHand, own, MappingBasis.Parselmouth);
    }

    private static PublishedAnswer Choose(string[] names, string[]? byHand, string own, MappingBasis basis)
    {
        if (names.Contains(own, StringComparer.Ordinal)) return new PublishedAnswer(PublishedKind.Project, basis, own, true);
        var candidates = names.Where(name => !LeftBehind.Contains(name)).ToArray();
        if (candidates.Length > 1 && byHand is not null && candidates.Intersect(byHand, StringComparer.Ordinal).ToArray() is [var chosen])
            return new PublishedAnswer(PublishedKind.Project, basis, chosen, false);
        return candidates switch
        {
            [] => default,
            [var only] => new PublishedAnswer(PublishedKind.Project, basis, only, false),
            _ => new PublishedAnswer(PublishedKind.Several, basis, own, false),
        };
    }

    private static string Normalize(string name) => Matching.PackageIdentity.Normalize(Matching.Ecosystems.PyPI, name);
}

internal enum PublishedKind
{
    /// <summary>The source does not list the name, or says nothing by it.</summary>
    Silent,

    Project,

    /// <summary>Several projects are in the package, and nothing tells which of them it is.</summary>
    Several,

    NoProject,
}

/// <param name="Project">Normalised.</param>
/// <param name="IsOwnName">The project has the name of the package.</param>
internal readonly record struct PublishedAnswer(PublishedKind Kind, MappingBasis Basis, string Project, bool IsOwnName);
