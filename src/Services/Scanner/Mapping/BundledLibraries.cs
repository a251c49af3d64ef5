using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// The table of advisories that speak of a native library inside a distribution's wheel. conda's build of the distribution links to conda's
/// own package of that library, which is checked by itself; what conda's build carries too stays a finding.
/// </summary>
public sealed class BundledLibraries
{
    private readonly FrozenDictionary<string, Rule[]> _byDistribution;
    private readonly ConcurrentDictionary<(string Distribution, int Rules), Rule[]> _combinations = [];

    private BundledLibraries(Document document)
    {
        Rules = document.Rules;
        Findings = document.Findings;
        Providers = [.. document.Rules.SelectMany(rule => rule.ProvidedBy).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        _byDistribution = document.Rules.SelectMany(rule => rule.Distributions.Select(name => (Name: name, Rule: rule)))
            .GroupBy(pair => pair.Name, pair => pair.Rule, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
    }

    /// <summary>The table that is built in.</summary>
    public static BundledLibraries BuiltIn { get; } = Read(
        Assembly.GetExecutingAssembly().GetManifestResourceStream("bundled-libraries.json")
            ?? throw new InvalidOperationException("The table of bundled libraries is not embedded."));

    public IReadOnlyList<Rule> Rules { get; }

    /// <summary>The advisories that were looked at and stay findings.</summary>
    public IReadOnlyList<Reviewed> Findings { get; }

    /// <summary>The conda packages that provide the libraries, in order, each once; 64 at most.</summary>
    public IReadOnlyList<string> Providers { get; }

    /// <exception cref="JsonException">The table is malformed.</exception>
    public static BundledLibraries Read(Stream json)
    {
        var document = JsonSerializer.Deserialize(json, BundledLibrariesJson.Default.Document)
            ?? throw new JsonException("The table is empty.");
        foreach (var rule in document.Rules)
        {
            if (rule.ProvidedBy.Length == 0 || rule.Advisories.Length == 0 || rule.Builds.Length == 0 || rule.Source.Length == 0)
            {
                throw new JsonException($"{rule.Library} in {string.Join(", ", rule.Distributions)}: something is missing.");
            }
        }

        var table = new BundledLibraries(document);
        return table.Providers.Count <= 64 ? table : throw new JsonException("More than 64 conda packages provide libraries.");
    }

    /// <summary>
    /// The rules that hold for a package, as the same array for each combination of them; none where it was not installed by conda, or
    /// where it is not known what its channel's build links to.
    /// </summary>
    /// <param name="channel">The canonical name of the channel; null where the log names none, which may be any channel of a rule.</param>
    /// <param name="subdir">Null or empty where the log does not say: only what holds on all platforms is known then.</param>
    internal Rule[] Of(in InstalledPackage package, in MappedPackage mapped, string? channel, string? subdir)
    {
        var identity = mapped.Ecosystem == Ecosystems.PyPI && package.Manager == PackageManager.Conda ? mapped.Identity.Name : null;
        if (identity is null || !_byDistribution.TryGetValue(identity, out var rules))
        {
            return [];
        }

        var holding = 0;
        for (var i = 0; i < rules.Length; i++)
        {
            holding |= rules[i].Holds(channel, subdir ?? "", package.Version ?? "") ? 1 << i : 0;
        }

        return holding == 0
            ? []
            : _combinations.GetOrAdd((identity, holding), key => [.. rules.Where((_, i) => (key.Rules & (1 << i)) != 0)]);
    }

    /// <summary>Why a finding of a conda package is not affected, as a sentence.</summary>
    /// <param name="providedBy">The conda packages of the environment that provide the library.</param>
    internal string Explain(string library, string project, IReadOnlyList<string> providedBy)
    {
        var provider = string.Join(" and ", providedBy);
        var why = Rules.FirstOrDefault(
            rule => rule.Library == library && rule.Distributions.Contains(project, StringComparer.Ordinal))?.Why;
        return $"The advisory is about the {library} inside the wheels of {project} on PyPI. This package was installed by conda: "
            + (why is null ? "" : why + ". ")
            + $"{(why is null ? "it" : "It")} uses {provider} of this environment, which is checked by itself.";
    }

    /// <summary>One library inside the wheels of one or more distributions.</summary>
    /// <param name="Library">Its name, for people.</param>
    /// <param name="Distributions">Projects of PyPI, normalised.</param>
    /// <param name="ProvidedBy">The conda packages that provide it; the environment must hold one of them.</param>
    /// <param name="Advisories">Ids of records about nothing but that library.</param>
    /// <param name="Builds">The builds of conda that are known to link to it.</param>
    /// <param name="Why">As a clause.</param>
    /// <param name="Source">How that is known.</param>
    public sealed record Rule(
        string Library, string[] Distributions, string[] ProvidedBy, string[] Advisories, Build[] Builds, string Why, string[] Source)
    {
        private readonly FrozenSet<string> _advisories = Advisories.ToFrozenSet(StringComparer.Ordinal);

        public bool Covers(string advisory) => _advisories.Contains(advisory);

        internal bool Holds(string? channel, string subdir, string version) => channel is null
            ? Array.TrueForAll(Builds, build => build.Fits(subdir, version))
            : Array.Exists(Builds, build => build.Channels.Contains(channel, StringComparer.Ordinal) && build.Fits(subdir, version));
    }

    /// <summary>Builds of some channels.</summary>
    /// <param name="Platforms">As a subdir begins (<c>linux</c>); null for all.</param>
    /// <param name="Since">The first version, in the order of PEP 440; null for all.</param>
    public sealed record Build(string[] Channels, string[]? Platforms = null, string? Since = null)
    {
        internal bool Fits(string subdir, string version) =>
            (Platforms is null || Array.Exists(Platforms, platform => subdir.StartsWith(platform + "-", StringComparison.Ordinal)))
            && (Since is null || VersionOrder.Compare(VersionScheme.Pep440, version, Since) >= 0);
    }

    /// <summary>Advisories that stay findings, for one reason.</summary>
    /// <param name="Decision">vendored, condition, own_project, own_code or no_library.</param>
    public sealed record Reviewed(string Decision, string[] Why, string[] Advisories);

    internal sealed record Document(Rule[] Rules, Reviewed[] Findings);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(BundledLibraries.Document))]
internal sealed partial class BundledLibrariesJson : JsonSerializerContext;
