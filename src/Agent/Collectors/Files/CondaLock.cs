using EnvPlatform.Contracts.Masking;

using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Reads a lock file of conda-lock, version 1: the packages of several platforms, one environment for each.</summary>
internal static class CondaLock
{
    public static bool Is(YamlMappingNode root) =>
        Text(root, "version") is not null && root.Children.TryGetValue("package", out var packages) && packages is YamlSequenceNode;

    /// <summary>The environments, in ordinal order of their platforms. All categories are included, also optional ones.</summary>
    /// <exception cref="AgentException">The lock file is of another version.</exception>
    public static IReadOnlyList<FileContent> Read(YamlMappingNode root)
    {
        if (Text(root, "version") is not "1" and var version)
        {
            throw new AgentException($"This is a lock file of conda-lock's format {version}; the agent reads format 1. "
                + "Where an old pixi wrote it, 'pixi lock' of a current one writes it anew.");
        }

        var entries = ((YamlSequenceNode)root.Children["package"]).Children;
        var odd = entries.Where(entry => entry is not YamlMappingNode).Select(EnvironmentYaml.NotUnderstood).ToArray();
        var environments = entries.OfType<YamlMappingNode>()
            .GroupBy(entry => Text(entry, "platform") ?? "", StringComparer.Ordinal)
            .OrderBy(platform => platform.Key, StringComparer.Ordinal)
            .Select(OfPlatform)
            .Select(content => content with { NotExact = [.. content.NotExact, .. odd] })
            .ToArray();
        return environments.Length > 0 ? environments : throw new AgentException("This lock file of conda-lock holds no package.");
    }

    private static FileContent OfPlatform(IGrouping<string, YamlMappingNode> platform)
    {
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        foreach (var entry in platform)
        {
            if (OfEntry(entry) is { } package)
            {
                packages.Add(package);
            }
            else
            {
                notExact.Add(new NotExact(Text(entry, "manager") == "pip" ? Package.PyPi : Package.Conda,
                    Secrets.Masked(Text(entry, "name") ?? Text(entry, "url") ?? "?")));
            }
        }

        return new FileContent(null, platform.Key.Length > 0 ? platform.Key : null, packages, notExact, []);
    }

    private static Package? OfEntry(YamlMappingNode entry)
    {
        var name = Text(entry, "name");
        var version = Text(entry, "version");
        var sha256 = entry.Children.TryGetValue("hash", out var hash) && hash is YamlMappingNode hashes ? Text(hashes, "sha256") : null;
        if (Text(entry, "manager") == "pip")
        {
            return name is null || version is null ? null : new Package(Package.PyPi, PyPiName.Normalized(name), version, Sha256: sha256);
        }

        var url = Text(entry, "url") ?? "";
        if (PackageFileName.OfConda(url) is not var (fileName, fileVersion, build))
        {
            return null;
        }

        var folder = url[..url.LastIndexOf('/')];
        return new Package(
            Package.Conda, name ?? fileName, version ?? fileVersion, build, CondaChannel.SubdirOf(folder),
            CondaChannel.CanonicalName(folder), sha256);
    }

    private static string? Text(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) && value is YamlScalarNode { Value: { Length: > 0 } text } ? text : null;
}
