using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Masking;

using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads a <c>pixi.lock</c>, versions 4 to 7: environments, each with the packages of several platforms, which refer to a list of packages.
/// The format is that of rattler's crate <c>rattler_lock</c>.
/// </summary>
internal static partial class PixiLock
{
    private static readonly string[] Versions = ["4", "5", "6", "7"];
    private static readonly string[] Kinds = ["conda", "conda_source", "pypi"];

    public static bool Is(YamlMappingNode root) =>
        Text(root, "version") is not null && root.Children.TryGetValue("environments", out var environments)
        && environments is YamlMappingNode && !root.Children.ContainsKey("dependencies");

    /// <summary>One environment for each environment and platform of the file, in ordinal order.</summary>
    /// <param name="environment">The only one to be read; null for all.</param>
    /// <param name="platform">The only one to be read, as conda names it; null for all.</param>
    /// <exception cref="AgentException">
    /// The file is of another version, does not have the environment or the platform, or holds no package at all.
    /// </exception>
    public static IReadOnlyList<FileContent> Read(YamlMappingNode root, string? environment, string? platform)
    {
        if (!Versions.Contains(Text(root, "version")))
        {
            throw new AgentException(
                $"This is a pixi.lock of version {Text(root, "version")}; the agent reads the versions {Versions[0]} to {Versions[^1]}.");
        }

        var environments = (YamlMappingNode)root.Children["environments"];
        if (environment is not null && !environments.Children.Keys.OfType<YamlScalarNode>().Any(name => name.Value == environment))
        {
            throw new AgentException(
                $"There is no environment {environment} in it; it has {Named(environments.Children.Keys.Select(key => key.ToString()))}.");
        }

        var index = new Index(root);
        var all = environments.Children
            .Where(pair => environment is null || pair.Key.ToString() == environment)
            .SelectMany(pair => OfEnvironment(pair.Key.ToString(), pair.Value, index))
            .OrderBy(content => content.Part, StringComparer.Ordinal).ToArray();
        var chosen = all.Where(content => platform is null || content.Platform == platform).ToArray();
        if (chosen.Length == 0 && all.Length > 0)
        {
            var where = environment is null ? "it" : $"its environment {environment}";
            throw new AgentException(
                $"There is no platform {platform} in {where}; it has {Named(all.Select(content => content.Platform ?? "?"))}.");
        }

        // An environment that has no packages has none to be judged.
        var held = chosen.Where(content => content.Packages.Count + content.NotExact.Count > 0).ToArray();
        return held.Length > 0 ? held : throw new AgentException("It holds no packages.");
    }

    private static string Named(IEnumerable<string> names) =>
        names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray() is [_, ..] some ? string.Join(", ", some) : "none";

    private static IEnumerable<FileContent> OfEnvironment(string name, YamlNode node, Index index)
    {
        if (node is not YamlMappingNode environment || !environment.Children.TryGetValue("packages", out var packages)
            || packages is not YamlMappingNode platforms)
        {
            yield return new FileContent(
                null, null, [], [new NotExact(Package.Conda, $"environments: {name}", NotExact.NotUnderstood)], [], name);
            yield break;
        }

        foreach (var (key, value) in platforms.Children)
        {
            var platform = index.SubdirOf(key.ToString());
            var found = new List<Package>();
            var notExact = new List<NotExact>();
            var warnings = new List<string>();
            if (value is YamlSequenceNode references)
            {
                foreach (var reference in references.Children)
                {
                    Add(reference, platform, index, found, notExact, warnings);
                }
            }
            else
            {
                notExact.Add(new NotExact(Package.Conda, $"environments: {name}: {key}", NotExact.NotUnderstood));
            }

            yield return new FileContent(null, platform, found, notExact, warnings, $"{name}/{key}");
        }
    }

    private static void Add(
        YamlNode reference, string platform, Index index, List<Package> packages, List<NotExact> notExact, List<string> warnings)
    {
        if (reference is not YamlMappingNode node || Kinds.FirstOrDefault(kind => Text(node, kind) is not null) is not { } kind)
        {
            notExact.Add(new NotExact(Package.Conda, Secrets.Masked(reference.ToString()), NotExact.NotUnderstood));
            return;
        }

        // What is not listed is read from its address.
        var location = Text(node, kind)!;
        var entry = index.Find(kind, location, node, platform) ?? node;
        var manager = kind == "pypi" ? Package.PyPi : Package.Conda;
        if ((kind == "pypi" ? OfPyPi(entry, location) : OfConda(entry, location)) is { } package)
        {
            packages.Add(package);
        }
        else if (location is "." or "./" || location.EndsWith(" @ .", StringComparison.Ordinal)
            || location.EndsWith(" @ ./", StringComparison.Ordinal))
        {
            warnings.Add($"{Text(entry, "name") ?? location.Split('[')[0]} is the project itself and is left out.");
        }
        else
        {
            var name = Text(entry, "name");
            notExact.Add(new NotExact(
                manager, Secrets.Masked(name is null || kind == "conda_source" ? location : $"{name} @ {location}")));
        }
    }

    private static Package? OfConda(YamlMappingNode entry, string location)
    {
        var file = PackageFileName.OfConda(location);
        var name = Text(entry, "name") ?? file?.Name
            ?? (SourceId().Match(location) is { Success: true } id ? id.Groups["name"].Value : null);
        var version = Text(entry, "version") ?? file?.Version;
        if (name is null || version is null)
        {
            return null;
        }

        var folder = file is null ? null : location[..Math.Max(0, location.LastIndexOfAny(['/', '\\']))];
        return new Package(
            Package.Conda, name, version, Text(entry, "build") ?? file?.Build, Text(entry, "subdir") ?? CondaChannel.SubdirOf(folder),
            CondaChannel.CanonicalName(Text(entry, "channel")) ?? CondaChannel.CanonicalName(folder), Sha256Of(entry),
            Text(entry, "license") is { } license ? PlainText.Of(license) : null);
    }

    private static Package? OfPyPi(YamlMappingNode entry, string location)
    {
        // A wheel's name has the distribution's before the first dash.
        var file = location[(location.LastIndexOfAny(['/', '\\']) + 1)..];
        var name = Text(entry, "name") ?? (file.EndsWith(".whl", StringComparison.Ordinal) ? file.Split('-')[0] : null);
        var version = Text(entry, "version") ?? (name is null ? null : PackageFileName.VersionOfPython(name, location));
        return name is null || version is null
            ? null
            : new Package(Package.PyPi, PyPiName.Normalized(name), version, Sha256: Sha256Of(entry));
    }

    private static string? Sha256Of(YamlMappingNode entry) =>
        Text(entry, "sha256") is { Length: 64 } hash && hash.All(char.IsAsciiHexDigit) ? hash : null;

    private static string? Text(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) && value is YamlScalarNode { Value: { Length: > 0 } text } ? text : null;

    /// <summary><c>NAME[HASH] @ LOCATION</c></summary>
    [GeneratedRegex("""^(?<name>[^\[\s]+)\[[^\]]*\] @ """, RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex SourceId();

    /// <summary>The packages of the file by what refers to them, and the platforms that have a name of their own.</summary>
    private sealed class Index
    {
        private static readonly string[] Distinguishing = ["name", "version", "build", "subdir"];

        private readonly ILookup<(string Kind, string Location), YamlMappingNode> _packages;
        private readonly Dictionary<string, string> _subdirs = new(StringComparer.Ordinal);

        public Index(YamlMappingNode root)
        {
            var entries = root.Children.TryGetValue("packages", out var packages) && packages is YamlSequenceNode list ? list.Children : [];
            _packages = entries.OfType<YamlMappingNode>().Where(entry => KeyOf(entry) is not null).ToLookup(entry => KeyOf(entry)!.Value);
            foreach (var platform in root.Children.TryGetValue("platforms", out var node) && node is YamlSequenceNode platforms
                ? platforms.Children.OfType<YamlMappingNode>() : [])
            {
                if (Text(platform, "name") is { } name && Text(platform, "subdir") is { } subdir)
                {
                    _subdirs[name] = subdir;
                }
            }
        }

        public string SubdirOf(string platform) => _subdirs.GetValueOrDefault(platform, platform);

        /// <summary>
        /// The entry that a reference means; where several have its address, the one that agrees with the other fields of the reference,
        /// else the one of the platform.
        /// </summary>
        public YamlMappingNode? Find(string kind, string location, YamlMappingNode reference, string platform)
        {
            var agreeing = _packages[(kind, location)].Where(entry => Distinguishing.All(
                key => Text(reference, key) is not { } wanted || Text(entry, key) is not { } has || wanted == has)).ToArray();
            return agreeing.FirstOrDefault(entry => Text(entry, "subdir") == platform)
                ?? agreeing.FirstOrDefault(entry => Text(entry, "subdir") is null or "noarch")
                ?? agreeing.FirstOrDefault();
        }

        /// <summary>Versions 4 and 5 say the kind and have a URL or path, in later ones the kind is the key of the location.</summary>
        private static (string Kind, string Location)? KeyOf(YamlMappingNode entry)
        {
            if (Text(entry, "kind") is { } kind)
            {
                return (Text(entry, "url") ?? Text(entry, "path")) is { } place ? (kind, place) : null;
            }

            return Kinds.FirstOrDefault(key => Text(entry, key) is not null) is { } key ? (key, Text(entry, key)!) : null;
        }
    }
}
