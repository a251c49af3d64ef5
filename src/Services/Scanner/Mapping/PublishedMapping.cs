using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>What a published source says about the packages of one name in a channel.</summary>
/// <param name="Source"><see cref="PublishedMapping.Parselmouth"/> or <see cref="PublishedMapping.Grayskull"/>.</param>
/// <param name="PypiNames">The projects of PyPI; none: the source says that there is none.</param>
public sealed record PublishedEntry(string Source, string Channel, string CondaName, string[] PypiNames);

/// <summary>
/// The published mappings that were imported, resolved to at most one project for each conda name: a package has the version of one
/// project, and comparing it with ranges of other, bundled projects would give wrong results. Immutable.
/// </summary>
public sealed class PublishedMapping
{
    /// <summary>prefix-dev/parselmouth: by the Python metadata in a channel's packages.</summary>
    public const string Parselmouth = "parselmouth";

    /// <summary>conda/grayskull: names of conda-forge that differ from PyPI's, kept by hand.</summary>
    public const string Grayskull = "grayskull";

    // Leftovers of builds in packages of other projects.
    private static readonly FrozenSet<string> LeftBehind = FrozenSet.Create(
        StringComparer.Ordinal, "distribute", "pip", "setuptools", "unknown", "wheel");

    // Not frozen: tens of thousands of names are resolved again with every index, and freezing them costs more than it saves.
    private readonly Dictionary<string, Dictionary<string, PublishedAnswer>> _channels;
    private readonly Dictionary<string, PublishedAnswer> _shared;

    private PublishedMapping(Dictionary<string, Dictionary<string, PublishedAnswer>> channels)
    {
        _channels = channels;
        _shared = channels.GetValueOrDefault(CondaChannels.CondaForge) ?? [];
    }

    /// <summary>Nothing was imported.</summary>
    public static PublishedMapping None { get; } = Of([]);

    /// <summary>Conda names of all channels.</summary>
    public int Count => _channels.Values.Sum(names => names.Count);

    public static PublishedMapping Of(IEnumerable<PublishedEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var said = new Dictionary<string, Dictionary<string, (string[]? Found, string[]? ByHand)>>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            ref var channel = ref CollectionsMarshal.GetValueRefOrAddDefault(said, entry.Channel, out _);
            ref var names = ref CollectionsMarshal.GetValueRefOrAddDefault(channel ??= new(StringComparer.Ordinal), entry.CondaName, out _);
            names = entry.Source == Grayskull ? (names.Found, entry.PypiNames) : (entry.PypiNames, names.ByHand);
        }

        return new(said.ToDictionary(
            channel => channel.Key,
            channel => channel.Value.ToDictionary(
                name => name.Key, name => Resolve(name.Key, Normalized(name.Value.Found), Normalized(name.Value.ByHand)),
                StringComparer.Ordinal),
            StringComparer.Ordinal));
    }

    internal bool Covers(string channel) => _channels.ContainsKey(channel);

    /// <summary>
    /// The answer of the package's own channel, otherwise of conda-forge, whose names the others follow. That conda-forge's package holds
    /// no project says nothing about another channel's.
    /// </summary>
    internal PublishedAnswer Find(string? channel, string name)
    {
        if (channel is not null && _channels.TryGetValue(channel, out var own) && own.TryGetValue(name, out var answer))
        {
            return answer;
        }

        return _shared.TryGetValue(name, out answer)
            && (answer.Kind != PublishedKind.NoProject || channel == CondaChannels.CondaForge) ? answer : default;
    }

    private static string[]? Normalized(string[]? names) => names is null ? null : Array.ConvertAll(names, Normalize);

    private static PublishedAnswer Resolve(string condaName, string[]? found, string[]? byHand)
    {
        var own = Normalize(condaName);
        if (found is null)
        {
            return Choose(byHand ?? [], byHand, own, MappingBasis.Grayskull);
        }

        return found.Length == 0
            ? new PublishedAnswer(PublishedKind.NoProject, MappingBasis.Parselmouth, condaName, false)
            : Choose(found, byHand, own, MappingBasis.Parselmouth);
    }

    private static PublishedAnswer Choose(string[] names, string[]? byHand, string own, MappingBasis basis)
    {
        if (names.Contains(own, StringComparer.Ordinal))
        {
            return new PublishedAnswer(PublishedKind.Project, basis, own, true);
        }

        var candidates = names.Where(name => !LeftBehind.Contains(name)).Distinct(StringComparer.Ordinal).ToArray();
        if (candidates.Length > 1 && byHand is not null && candidates.Intersect(byHand, StringComparer.Ordinal).ToArray() is [var chosen])
        {
            return new PublishedAnswer(PublishedKind.Project, basis, chosen, false);
        }

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
    /// <summary>The source does not list the name, or its entry gives no answer.</summary>
    Silent,

    Project,

    /// <summary>Several projects are in the package, and nothing shows which of them it is.</summary>
    Several,

    NoProject,
}

/// <param name="Project">Normalised.</param>
/// <param name="IsOwnName">The project has the name of the package.</param>
internal readonly record struct PublishedAnswer(PublishedKind Kind, MappingBasis Basis, string Project, bool IsOwnName);
