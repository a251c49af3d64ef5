using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// The channels whose packages are known to be named by conda's conventions, and the addresses of their mirrors. In any other channel a
/// package called <c>requests</c> may be anything.
/// </summary>
public sealed class CondaChannels
{
    /// <summary>The channel whose names the others follow.</summary>
    public const string CondaForge = "conda-forge";

    private const string Label = "/label/";

    private readonly Document _document;
    private readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _canonical;

    private CondaChannels(Document document, IEnumerable<KeyValuePair<string, string>> mirrors)
    {
        _document = document;
        var canonical = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (channel, _) in document.Channels)
        {
            canonical.Add(channel, channel);
        }

        foreach (var (channel, of) in document.Mirrors)
        {
            canonical.Add(channel, of);
        }

        foreach (var (channel, of) in mirrors)
        {
            canonical[Trim(channel).ToString()] = canonical.GetValueOrDefault(of, of);
        }

        _canonical = canonical.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The list that is built in.</summary>
    public static CondaChannels BuiltIn { get; } = Read(Assembly.GetExecutingAssembly().GetManifestResourceStream("conda-channels.json")
        ?? throw new InvalidOperationException("The list of channels is not embedded."));

    /// <exception cref="JsonException">The list is malformed.</exception>
    /// <exception cref="ArgumentException">A channel is listed twice.</exception>
    public static CondaChannels Read(Stream json) =>
        new(JsonSerializer.Deserialize(json, ChannelListJson.Default.Document) ?? throw new JsonException("The list is empty."), []);

    /// <summary>
    /// The same list with mirrors that an administrator has declared: the address of each, and the channel that it is a mirror of.
    /// </summary>
    public CondaChannels With(IEnumerable<KeyValuePair<string, string>> mirrors) => new(_document, mirrors);

    /// <summary>
    /// The channel itself where the name is a label of one (<c>conda-forge/label/gcc7</c>), a mirror's, or an address that conda shortens.
    /// </summary>
    internal KnownChannel Find(string? channel)
    {
        if (string.IsNullOrEmpty(channel))
        {
            return new KnownChannel(null, true);
        }

        if (_canonical.TryGetValue(channel, out var canonical))
        {
            return new KnownChannel(canonical, true);
        }

        var name = Trim(channel);
        if (_canonical.TryGetValue(name, out canonical))
        {
            return new KnownChannel(canonical, true);
        }

        foreach (var host in _document.Hosts)
        {
            if (name.StartsWith(host, StringComparison.OrdinalIgnoreCase) && _canonical.TryGetValue(name[host.Length..], out canonical))
            {
                return new KnownChannel(canonical, true);
            }
        }

        return new KnownChannel(channel, false);
    }

    private static ReadOnlySpan<char> Trim(ReadOnlySpan<char> channel)
    {
        var label = channel.IndexOf(Label, StringComparison.Ordinal);
        return (label < 0 ? channel : channel[..label]).TrimEnd('/');
    }

    internal sealed record Listed(string Channel, string Why);

    internal sealed record Mirror(string Channel, string Of);

    internal sealed record Document(string[] Hosts, Listed[] Channels, Mirror[] Mirrors);
}

/// <param name="Name">The name under which mappings are imported; null where the log names none.</param>
/// <param name="IsKnown">Conda's conventions apply to it. A log that names no channel is assumed to be from one of these.</param>
internal readonly record struct KnownChannel(string? Name, bool IsKnown);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(CondaChannels.Document))]
internal sealed partial class ChannelListJson : JsonSerializerContext;
