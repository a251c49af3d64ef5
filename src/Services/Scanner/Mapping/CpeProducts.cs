using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>How NVD writes a project's versions where that differs from conda.</summary>
public enum CpeVersionStyle
{
    Plain,

    /// <summary>Java 8 and before: <c>1.8.0_402</c> and <c>8</c> with <c>update402</c> are conda's <c>8.0.402</c>.</summary>
    Java,

    /// <summary>Kerberos 5: <c>5-1.12</c> is release 1.12.</summary>
    Kerberos,
}

/// <summary>
/// The table of products: the CPE vendors and products of the National Vulnerability Database for the projects that conda packages hold.
/// </summary>
public sealed class CpeProducts
{
    private readonly FrozenDictionary<(string Vendor, string Product), Entry> _products;

    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _natives;

    private CpeProducts(Document document)
    {
        Entries = document.Projects;
        _natives = document.Projects.Select(entry => entry.Native).ToFrozenSet(StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();
        _products = document.Projects
            .SelectMany(entry => entry.Cpes.Select(cpe => (Key: Split(entry, cpe), Entry: entry)))
            .ToFrozenDictionary(pair => pair.Key, pair => pair.Entry);
    }

    /// <summary>The table that is built in.</summary>
    public static CpeProducts BuiltIn { get; } = Read(Assembly.GetExecutingAssembly().GetManifestResourceStream("conda-cpes.json")
        ?? throw new InvalidOperationException("The table of CPE products is not embedded."));

    public IReadOnlyList<Entry> Entries { get; }

    /// <exception cref="JsonException">The table is malformed.</exception>
    /// <exception cref="ArgumentException">Two projects claim one product.</exception>
    public static CpeProducts Read(Stream json) =>
        new(JsonSerializer.Deserialize(json, CpeTableJson.Default.Document) ?? throw new JsonException("The table is empty."));

    internal Entry? Find(string vendor, string product) => _products.GetValueOrDefault((vendor, product));

    /// <summary>Whether the database has products for a package's project.</summary>
    internal bool Covers(in MappedPackage mapped) => mapped.Ecosystem == Matching.Ecosystems.Conda && _natives.Contains(mapped.Name);

    private static (string Vendor, string Product) Split(Entry entry, string cpe) =>
        cpe.Split(':') is [{ Length: > 0 } vendor, { Length: > 0 } product]
            ? (vendor, product)
            : throw new JsonException($"{entry.Native}: {cpe} is no vendor and product.");

    /// <summary>One project.</summary>
    /// <param name="Native">As in the table of conda names, which says what conda calls it and in which order its versions compare.</param>
    /// <param name="Cpes">Vendor and product, as <c>vendor:product</c> without escapes.</param>
    public sealed record Entry(string Native, string[] Cpes, CpeVersionStyle Versions);

    internal sealed record Document(Entry[] Projects);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    RespectRequiredConstructorParameters = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(CpeProducts.Document))]
internal sealed partial class CpeTableJson : JsonSerializerContext;
