using System.Text;

using EnvPlatform.Contracts.Masking;

using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads an <c>environment.yml</c>, written by hand or by <c>conda env export</c>: <c>dependencies</c> with a <c>pip</c> section. Whatever
/// else may stand for a package is reported.
/// </summary>
internal static class EnvironmentYaml
{
    /// <summary>So many lines, each with a version, nobody writes by hand.</summary>
    private const int LinesOfAnExport = 10;

    private const int LongestText = 500;
    private const int DeepestText = 6;

    /// <summary>Keys that hold no packages.</summary>
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "name", "channels", "dependencies", "prefix", "variables", "platforms", "channel_priority", "category", "description",
    };

    /// <summary>What Python needs and hardly anybody requests by name: a list with one of these holds all that was installed.</summary>
    private static readonly string[] NeededByPython =
    [
        "libffi", "openssl", "zlib", "libzlib", "xz", "liblzma", "sqlite", "libsqlite", "readline", "tk", "bzip2", "ca-certificates", "vc",
    ];

    public static bool Is(YamlMappingNode root) => root.Children.Keys.Any(key => key is YamlScalarNode { Value: "dependencies" });

    public static FileContent Read(YamlMappingNode root)
    {
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        var dependencies = root.Children["dependencies"];
        var isExport = IsExport(dependencies);
        foreach (var item in Items(dependencies, notExact))
        {
            switch (item)
            {
                case YamlMappingNode section:
                    AddSection(section, packages, notExact);
                    break;
                case YamlScalarNode { Value: { Length: > 0 } spec } when !IsNull(item):
                    Add(CondaSpec.Read(spec, isExport), packages, notExact);
                    break;
                case YamlScalarNode:
                    break;
                default:
                    notExact.Add(NotUnderstood(item));
                    break;
            }
        }

        foreach (var (key, value) in root.Children)
        {
            if (!(key is YamlScalarNode { Value: { } known } && Harmless.Contains(known)) && MayHoldPackages(key, value))
            {
                notExact.Add(NotUnderstood(PairText(key, value)));
            }
        }

        return new FileContent(NameOf(root), CondaPlatform.OfPackages(packages), packages, notExact, [], Location: LocationOf(root));
    }

    /// <summary>Lists, mappings, and a text that has a version in it or stands where a list should: not <c>author: somebody</c>.</summary>
    private static bool MayHoldPackages(YamlNode key, YamlNode value) => value switch
    {
        YamlSequenceNode items => items.Children.Count > 0,
        YamlMappingNode pairs => pairs.Children.Count > 0,
        YamlScalarNode { Value: { Length: > 0 } text } =>
            text.Contains('=', StringComparison.Ordinal) || key is YamlScalarNode { Value: "pip" or "conda" or "npm" },
        _ => false,
    };

    /// <summary>A text as a YAML document of a file that is read for its first one only.</summary>
    public static NotExact NotUnderstood(YamlNode node) => NotUnderstood(Text(node));

    private static NotExact NotUnderstood(string text) => new(Package.Conda, Secrets.Masked(text), NotExact.NotUnderstood);

    /// <summary>
    /// <c>conda env export</c> without <c>--from-history</c>: many lines, each with a version, that of Python whole, and what Python needs
    /// among them. A prefix is no sign: with <c>--from-history</c> it is written too, and the versions are as somebody typed them.
    /// </summary>
    private static bool IsExport(YamlNode dependencies)
    {
        var specs = dependencies is YamlSequenceNode items
            ? items.Children.OfType<YamlScalarNode>().Select(node => node.Value ?? "").ToArray()
            : [];
        if (specs.Length < LinesOfAnExport || !specs.All(CondaSpec.IsPinned))
        {
            return false;
        }

        var names = specs.ToLookup(spec => spec.Split('=', 2)[0].Trim(), StringComparer.Ordinal);
        return !names.Contains("python") || (!names["python"].Any(CondaSpec.IsPartial) && NeededByPython.Any(names.Contains));
    }

    /// <summary>
    /// The name, without the folders before it: conda writes null, and micromamba the path, for an environment without a name. Null where
    /// neither the name nor the prefix gives one.
    /// </summary>
    private static string? NameOf(YamlMappingNode root) =>
        new[] { ScalarOf(root, "name"), ScalarOf(root, "prefix") }.OfType<string>().Select(LastPart)
            .FirstOrDefault(part => part.Length > 0);

    /// <summary>Where the environment is, by its prefix or by a name that is a path; null where the file does not say.</summary>
    private static string? LocationOf(YamlMappingNode root) =>
        new[] { ScalarOf(root, "prefix"), ScalarOf(root, "name") }.FirstOrDefault(text => text is not null && LastPart(text) != text);

    private static string LastPart(string path)
    {
        var tidy = path.TrimEnd('/', '\\');
        return tidy[(tidy.LastIndexOfAny(['/', '\\']) + 1)..];
    }

    private static string? ScalarOf(YamlMappingNode root, string key) =>
        root.Children.TryGetValue(key, out var node) && !IsNull(node) && node is YamlScalarNode { Value: { } text }
            && text.Trim() is { Length: > 0 } trimmed
            ? trimmed
            : null;

    /// <summary>A <c>pip</c> section; selectors, templates and the sections of other installers are reported.</summary>
    private static void AddSection(YamlMappingNode section, List<Package> packages, List<NotExact> notExact)
    {
        foreach (var (key, value) in section.Children)
        {
            if (key is not YamlScalarNode { Value: "pip" })
            {
                notExact.Add(NotUnderstood(key is YamlScalarNode ? PairText(key, value) : Text(section)));
                continue;
            }

            AddPip(value, packages, notExact, DeepestText);
        }
    }

    /// <summary>A list of requirements, a text of several lines, or lists in lists, which pip refuses; mappings are reported.</summary>
    private static void AddPip(YamlNode node, List<Package> packages, List<NotExact> notExact, int depth)
    {
        switch (node)
        {
            case YamlScalarNode { Value: { Length: > 0 } lines } when !IsNull(node):
                foreach (var result in PipRequirement.ReadLines(lines))
                {
                    Add((result.Package, result.NotExact), packages, notExact);
                }

                break;
            case YamlScalarNode:
                break;
            case YamlSequenceNode items when depth > 0:
                foreach (var item in items.Children)
                {
                    AddPip(item, packages, notExact, depth - 1);
                }

                break;
            default:
                notExact.Add(NotUnderstood(node) with { Manager = Package.PyPi });
                break;
        }
    }

    private static void Add((Package? Package, NotExact? NotExact) read, List<Package> packages, List<NotExact> notExact)
    {
        if (read.Package is { } package)
        {
            packages.Add(package);
        }
        else if (read.NotExact is { } open)
        {
            notExact.Add(open);
        }
    }

    /// <summary>The items of a list, or the one text in its place.</summary>
    private static IEnumerable<YamlNode> Items(YamlNode node, List<NotExact> notExact)
    {
        switch (node)
        {
            case YamlSequenceNode items:
                return items.Children;
            case YamlScalarNode:
                return IsNull(node) ? [] : [node];
            default:
                notExact.Add(NotUnderstood(node));
                return [];
        }
    }

    /// <summary>YAML's null: nothing, <c>~</c> or <c>null</c> without quotes.</summary>
    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    /// <summary>A node as text, for the user; bounded in length and depth, since a node may hold itself.</summary>
    private static string Text(YamlNode node)
    {
        var text = new StringBuilder();
        Write(text, node, DeepestText);
        return text.Length > LongestText ? text.ToString(0, LongestText) + "..." : text.ToString();
    }

    private static string PairText(YamlNode key, YamlNode value) =>
        value is YamlScalarNode { Value: null or "" } ? Text(key) : $"{Text(key)}: {Text(value)}";

    private static void Write(StringBuilder text, YamlNode node, int depth)
    {
        if (text.Length > LongestText || depth == 0)
        {
            text.Append("...");
            return;
        }

        switch (node)
        {
            case YamlScalarNode scalar:
                text.Append(scalar.Value);
                break;
            case YamlSequenceNode items:
                WriteAll(text, '[', items.Children, ']', item => Write(text, item, depth - 1));
                break;
            case YamlMappingNode pairs:
                WriteAll(text, '{', pairs.Children, '}', pair => WritePair(text, pair.Key, pair.Value, depth - 1));
                break;
            default:
                text.Append('?');
                break;
        }
    }

    private static void WritePair(StringBuilder text, YamlNode key, YamlNode value, int depth)
    {
        Write(text, key, depth);
        if (value is not YamlScalarNode { Value: null or "" })
        {
            Write(text.Append(": "), value, depth);
        }
    }

    private static void WriteAll<T>(StringBuilder text, char open, IEnumerable<T> parts, char close, Action<T> write)
    {
        text.Append(open);
        var first = true;
        foreach (var part in parts)
        {
            if (text.Length > LongestText)
            {
                break;
            }

            text.Append(first ? "" : ", ");
            first = false;
            write(part);
        }

        text.Append(close);
    }
}
