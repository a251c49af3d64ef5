using System.Text.Json;

using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads a file that lists the packages of an environment: an <c>@EXPLICIT</c> list, a lock file of conda-lock, <c>conda list --json</c>,
/// or an <c>environment.yml</c>. The content determines the format, not the name.
/// </summary>
internal static class EnvironmentFile
{
    private static readonly string[] Endings = [".txt", ".yml", ".yaml", ".json", ".lock", ".out"];

    /// <summary>The environments in the file: one, or one for each platform of a lock file.</summary>
    /// <param name="path">The absolute path.</param>
    /// <param name="platform">Where given, the only platform read from a lock file, and the platform of files that name none.</param>
    /// <exception cref="AgentException">The file is none of these, is broken, or does not hold the platform.</exception>
    public static IReadOnlyList<CollectedEnvironment> Read(string path, string? platform)
    {
        var text = File.ReadAllText(path);
        var contents = ContentsOf(path, text);
        if (contents.Count == 1)
        {
            return [Collected(
                path, contents[0] with { Platform = platform ?? contents[0].Platform ?? CondaPlatform.OfFileName(Path.GetFileName(path)) },
                ofSeveral: false)];
        }

        if (platform is not null)
        {
            var chosen = contents.FirstOrDefault(content => content.Platform == platform)
                ?? throw new AgentException(
                    $"{path} has no platform {platform}; it has {string.Join(", ", contents.Select(content => content.Platform))}.");
            contents = [chosen];
        }

        return [.. contents.Select(content => Collected(path, content, ofSeveral: true))];
    }

    private static IReadOnlyList<FileContent> ContentsOf(string path, string text)
    {
        try
        {
            if (ExplicitList.Is(text))
            {
                return [ExplicitList.Read(text)];
            }

            if (text.AsSpan().TrimStart("\uFEFF \t\r\n").StartsWith("["))
            {
                return [CondaListJson.Read(text.TrimStart('\uFEFF'))];
            }

            return OfYaml(text) ?? throw NotKnown(path);
        }
        catch (YamlException failure)
        {
            throw new AgentException($"{path} is not valid YAML (line {failure.Start.Line}): {failure.Message.ReplaceLineEndings(" ")}");
        }
        catch (JsonException failure)
        {
            // The message itself quotes the text, which may hold credentials.
            throw new AgentException($"{path} is not valid JSON (line {failure.LineNumber + 1}, byte {failure.BytePositionInLine}).");
        }
        catch (Exception failure) when (failure is not AgentException)
        {
            throw new AgentException($"{path} cannot be read: {failure.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static IReadOnlyList<FileContent>? OfYaml(string text)
    {
        var yaml = BoundedYaml.Load(text);
        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }, ..])
        {
            return null;
        }

        return CondaLock.Is(root) ? CondaLock.Read(root) : EnvironmentYaml.Is(root) ? [EnvironmentYaml.Read(root)] : null;
    }

    private static AgentException NotKnown(string path) => new(
        $"{path} is none of the files that the agent reads: an @EXPLICIT list (conda list --explicit), conda-lock.yml, conda list --json, "
        + "environment.yml.");

    private static CollectedEnvironment Collected(string path, FileContent content, bool ofSeveral)
    {
        var warnings = content.Warnings.ToList();
        var notExact = content.NotExact.ToList();
        var packages = CollectedEnvironment.Tidy(content.Packages, notExact, warnings);
        var name = content.Name ?? NameOf(Path.GetFileName(path));
        return new CollectedEnvironment(
            ofSeveral ? $"{path}#{content.Platform}" : path,
            ofSeveral ? $"{name}-{content.Platform}" : name,
            content.Platform,
            Command: null,
            packages,
            notExact,
            warnings);
    }

    private static string NameOf(string fileName)
    {
        var ending = Endings.FirstOrDefault(known => fileName.EndsWith(known, StringComparison.OrdinalIgnoreCase));
        return ending is not null && fileName.Length > ending.Length ? fileName[..^ending.Length] : fileName;
    }
}
