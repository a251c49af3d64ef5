using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// The table of exceptions: conda packages that hold another project than their name suggests, or none. Data, with a reason for each.
/// </summary>
public sealed class CondaNames
{
    private readonly FrozenDictionary<string, Entry> _packages;
    private readonly FrozenDictionary<string, FrozenDictionary<string, Entry>> _byChannel;
    private readonly FrozenDictionary<string, VersionScheme> _schemes;

    private CondaNames(Document document)
    {
        Entries = document.Packages;
        _packages = document.Packages.Where(entry => entry.Channels is null)
            .ToFrozenDictionary(entry => entry.Conda, StringComparer.Ordinal);
        _byChannel = document.Packages.SelectMany(entry => (entry.Channels ?? []).Select(channel => (Channel: channel, Entry: entry)))
            .GroupBy(pair => pair.Channel, StringComparer.Ordinal)
            .ToFrozenDictionary(
                group => group.Key, group => group.ToFrozenDictionary(pair => pair.Entry.Conda, pair => pair.Entry, StringComparer.Ordinal),
                StringComparer.Ordinal);
        _schemes = document.Schemes.ToFrozenDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);
    }

    /// <summary>The table that is built in.</summary>
    public static CondaNames BuiltIn { get; } = Read(Assembly.GetExecutingAssembly().GetManifestResourceStream("conda-exceptions.json")
        ?? throw new InvalidOperationException("The table of conda names is not embedded."));

    public IReadOnlyList<Entry> Entries { get; }

    /// <exception cref="JsonException">The table is malformed, or an entry gives no answer or two.</exception>
    /// <exception cref="ArgumentException">Two entries are for the same name in the same channel.</exception>
    public static CondaNames Read(Stream json)
    {
        var document = JsonSerializer.Deserialize(json, TableJson.Default.Document) ?? throw new JsonException("The table is empty.");
        foreach (var entry in document.Packages)
        {
            if ((entry.Pypi is null ? 0 : 1) + (entry.Native is null ? 0 : 1) + (entry.None ? 1 : 0) + (entry.Meta ? 1 : 0) != 1)
            {
                throw new JsonException($"{entry.Conda}: one of pypi, native, none, meta is expected.");
            }

            if (string.IsNullOrWhiteSpace(entry.Why))
            {
                throw new JsonException($"{entry.Conda}: the reason is missing.");
            }
        }

        return new CondaNames(document);
    }

    /// <summary>The entry for a channel; where the log names no channel, for conda-forge.</summary>
    internal Entry? Find(string condaName, string? channel) =>
        _byChannel.TryGetValue(channel ?? CondaChannels.CondaForge, out var own) && own.TryGetValue(condaName, out var entry)
            ? entry : _packages.GetValueOrDefault(condaName);

    /// <summary>The order in which versions of a project that has no ecosystem but conda are compared.</summary>
    internal VersionScheme SchemeOf(string nativeName) => _schemes.GetValueOrDefault(nativeName, VersionScheme.Conda);

    /// <summary>One package; exactly one of the four answers is given.</summary>
    /// <param name="Pypi">The project of PyPI that it holds.</param>
    /// <param name="Native">The upstream project under whose name records of the ecosystem <c>conda</c> list it.</param>
    /// <param name="None">No project that advisories could be about.</param>
    /// <param name="Meta">Nothing but dependencies, or a switch for the solver.</param>
    /// <param name="Channels">The channels that this applies to; null for all.</param>
    /// <param name="Python">Whether this applies only to builds for Python, or only to others; null for all.</param>
    public sealed record Entry(
        string Conda, string? Pypi, string? Native, bool None, bool Meta, string Why, string[]? Channels = null, bool? Python = null);

    internal sealed record Document(Entry[] Packages, Dictionary<string, VersionScheme> Schemes);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    RespectRequiredConstructorParameters = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(CondaNames.Document))]
internal sealed partial class TableJson : JsonSerializerContext;
