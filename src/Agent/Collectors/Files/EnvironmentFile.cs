using System.Text.Json;

using Tomlyn;

using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads a file that lists the packages of an environment: an <c>@EXPLICIT</c> list, a lock file of conda-lock, pixi, uv or PEP 751,
/// <c>conda list --json</c> or <c>--export</c>, or an <c>environment.yml</c>. The content determines the format, not the name.
/// </summary>
internal static class EnvironmentFile
{
    private static readonly string[] Endings = [".txt", ".yml", ".yaml", ".json", ".lock", ".out"];

    /// <summary>Files that every project calls the same: their environment is called as the folder.</summary>
    private static readonly string[] Usual = ["pixi.lock", "uv.lock", "pylock.toml"];

    /// <summary>The environments in the file: one, or one for each environment and platform of a lock file.</summary>
    /// <param name="path">The absolute path.</param>
    /// <param name="platform">Where given, the only platform read from a lock file, and the platform of files that name none.</param>
    /// <param name="environment">Where given, the only environment read from a file that names several.</param>
    /// <exception cref="AgentException">
    /// The file is none of these, is broken, holds no resolved versions, or does not hold the platform or the environment.
    /// </exception>
    public static IReadOnlyList<CollectedEnvironment> Read(string path, string? platform, string? environment = null)
    {
        var text = File.ReadAllText(path);
        var contents = ContentsOf(path, text, platform, environment);
        if (contents is [{ Part: not null }, ..])
        {
            return [.. contents.Select(content => Collected(path, content, ofSeveral: true))];
        }

        if (environment is not null)
        {
            throw new AgentException($"{path} does not name its environments: --environment is for pixi.lock.", ExitCodes.Usage);
        }

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

    private static IReadOnlyList<FileContent> ContentsOf(string path, string text, string? platform, string? environment)
    {
        var fileName = Path.GetFileName(path);
        try
        {
            if (ExplicitList.Is(text))
            {
                return [ExplicitList.Read(text)];
            }

            if (CondaListExport.Is(text))
            {
                return [CondaListExport.Read(text)];
            }

            if (Manifest.Advice(fileName, text) is { } advice)
            {
                throw NotRead(path, advice);
            }

            if (Manifest.IsToml(fileName, text))
            {
                return OfToml(path, text.TrimStart('\uFEFF'));
            }

            if (text.AsSpan().TrimStart("\uFEFF \t\r\n").StartsWith("["))
            {
                return [CondaListJson.Read(text.TrimStart('\uFEFF'))];
            }

            return OfYaml(path, text, platform, environment);
        }
        catch (TomlException failure)
        {
            var line = failure.Diagnostics.FirstOrDefault()?.Span.Start.Line is { } at ? $" (line {at + 1})" : "";
            throw new AgentException($"{path} is not valid TOML{line}.");
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

    private static IReadOnlyList<FileContent> OfYaml(string path, string text, string? platform, string? environment)
    {
        var yaml = BoundedYaml.Load(text);
        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }, ..])
        {
            throw NotRead(path, null);
        }

        // A file of several documents is read for the first; the others may hold packages too.
        var others = yaml.Documents.Skip(1).Select(document => EnvironmentYaml.NotUnderstood(document.RootNode))
            .Where(other => other.Spec.Length > 0).ToArray();
        var contents = CondaLock.Is(root) ? CondaLock.Read(root)
            : PixiLock.Is(root) ? OfPixi(path, root, platform, environment)
            : EnvironmentYaml.Is(root) ? [EnvironmentYaml.Read(root)]
            : throw NotRead(path, Manifest.Advice(root));
        return others.Length == 0
            ? contents
            : [.. contents.Select(content => content with { NotExact = [.. content.NotExact, .. others] })];
    }

    private static IReadOnlyList<FileContent> OfPixi(string path, YamlMappingNode root, string? platform, string? environment)
    {
        try
        {
            return PixiLock.Read(root, environment, platform);
        }
        catch (AgentException refusal)
        {
            throw new AgentException($"{path}: {refusal.Message}");
        }
    }

    private static IReadOnlyList<FileContent> OfToml(string path, string text)
    {
        var root = BoundedToml.Load(text);
        return PythonLock.Is(root) ? [PythonLock.Read(root)] : throw NotRead(path, Manifest.Advice(root));
    }

    private static AgentException NotRead(string path, string? advice) => new(advice is not null
        ? $"{path} cannot be judged. {advice}"
        : $"{path} is none of the files that the agent reads: an @EXPLICIT list (conda list --explicit), conda list --json or --export, "
            + "conda-lock.yml, pixi.lock, uv.lock, pylock.toml, environment.yml.");

    private static CollectedEnvironment Collected(string path, FileContent content, bool ofSeveral)
    {
        var warnings = content.Warnings.ToList();
        var notExact = content.NotExact.ToList();
        var packages = CollectedEnvironment.Tidy(content.Packages, notExact, warnings);
        var name = content.Name ?? NameOf(path);
        var part = content.Part ?? content.Platform;
        return new CollectedEnvironment(
            ofSeveral ? $"{path}#{part}" : path,
            ofSeveral ? $"{name}-{part?.Replace('/', '-')}" : name,
            content.Platform,
            Command: null,
            packages,
            notExact,
            warnings,
            content.Location);
    }

    private static string NameOf(string path)
    {
        var fileName = Path.GetFileName(path);
        if (Usual.Contains(fileName) && Path.GetFileName(Path.GetDirectoryName(path)) is { Length: > 0 } folder)
        {
            return folder;
        }

        var ending = Endings.FirstOrDefault(known => fileName.EndsWith(known, StringComparison.OrdinalIgnoreCase));
        return ending is not null && fileName.Length > ending.Length ? fileName[..^ending.Length] : fileName;
    }
}
