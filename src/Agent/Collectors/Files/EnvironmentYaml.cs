using EnvPlatform.Contracts.Masking;

using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads an <c>environment.yml</c>, written by hand or by <c>conda env export</c>: <c>dependencies</c> with a <c>pip</c> section.
/// </summary>
internal static class EnvironmentYaml
{
    public static bool Is(YamlMappingNode root) => root.Children.Keys.Any(key => key is YamlScalarNode { Value: "dependencies" });

    public static FileContent Read(YamlMappingNode root)
    {
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        foreach (var item in Items(root, "dependencies"))
        {
            if (item is YamlScalarNode { Value: { Length: > 0 } spec })
            {
                AddConda(spec, packages, notExact);
            }
            else if (item is YamlMappingNode section)
            {
                AddPip(section, packages, notExact);
            }
        }

        var name = root.Children.TryGetValue("name", out var node) ? (node as YamlScalarNode)?.Value : null;
        return new FileContent(string.IsNullOrWhiteSpace(name) ? null : name, CondaPlatform.OfPackages(packages), packages, notExact, []);
    }

    private static void AddConda(string spec, List<Package> packages, List<NotExact> notExact)
    {
        if (CondaSpec.Read(spec) is { } package)
        {
            packages.Add(package);
        }
        else
        {
            notExact.Add(new NotExact(Package.Conda, Secrets.Masked(spec)));
        }
    }

    private static void AddPip(YamlMappingNode section, List<Package> packages, List<NotExact> notExact)
    {
        foreach (var line in Items(section, "pip").OfType<YamlScalarNode>().Select(node => node.Value ?? ""))
        {
            var result = PipRequirement.Read(line);
            if (result.Package is { } package)
            {
                packages.Add(package);
            }
            else if (result.NotExact is { } open)
            {
                notExact.Add(open);
            }
        }
    }

    private static IEnumerable<YamlNode> Items(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) && value is YamlSequenceNode items ? items.Children : [];
}
