using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Finds the environments of a user: those that conda has recorded, those in its folders, the active one and base.</summary>
internal sealed class EnvironmentFinder(Surroundings surroundings)
{
    private static readonly string[] Installations =
        ["miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", "Miniforge3", "Miniconda3", "Anaconda3"];

    private readonly List<string> _unread = [];

    /// <summary>What could not be read on the search, each once, as sentences: environments may be missing.</summary>
    public IReadOnlyList<string> Unread => [.. _unread.Distinct(StringComparer.Ordinal)];

    /// <summary>Every environment that exists, each once whichever links lead to it, in ordinal order.</summary>
    public IReadOnlyList<string> All() =>
        [.. Noted()
            .Concat(EnvironmentFolders().SelectMany(Children))
            .Concat(PixiFolders().SelectMany(Children))
            .Concat(Bases())
            .Append(surroundings["CONDA_PREFIX"] ?? "")
            .Where(IsPlace)
            .Select(Tidy)
            .DistinctBy(RealPath.Of, PathComparer)
            .Where(CondaEnvironment.IsAt)
            .Order(StringComparer.Ordinal)];

    /// <summary>
    /// The environment that conda resolves a name to, or null: the first of that name in the environment folders, or <c>base</c>.
    /// </summary>
    public string? ByName(string name)
    {
        if (name is "base" or "root")
        {
            return Bases().Select(Tidy).FirstOrDefault(CondaEnvironment.IsAt);
        }

        if (name.AsSpan().IndexOfAny('/', '\\') >= 0 || name is "." or "..")
        {
            return null;
        }

        return EnvironmentFolders()
            .Select(folder => Path.Combine(folder, name))
            .Where(path => !path.Contains('\0', StringComparison.Ordinal))
            .Concat(Noted().Where(path => string.Equals(Path.GetFileName(Tidy(path)), name, StringComparison.Ordinal)))
            .Select(Tidy)
            .FirstOrDefault(CondaEnvironment.IsAt);
    }

    private static StringComparer PathComparer =>
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    /// <summary><c>~/.conda/environments.txt</c>: one prefix per line, some of them stale.</summary>
    private IEnumerable<string> Noted()
    {
        var file = Path.Combine(surroundings.HomeFolder, ".conda", "environments.txt");
        var lines = Folder.Read(file, File.ReadAllLines, out var trouble) ?? [];
        Note(file, trouble, "the environments that it lists");
        return lines.Select(line => line.Trim()).Where(IsPlace);
    }

    /// <summary>The folders that hold environments, in conda's order of preference.</summary>
    private IEnumerable<string> EnvironmentFolders()
    {
        foreach (var variable in new[] { "CONDA_ENVS_DIRS", "CONDA_ENVS_PATH" })
        {
            foreach (var folder in (surroundings[variable] ?? "")
                .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                yield return Expanded(folder);
            }
        }

        foreach (var folder in ConfigurationFiles().SelectMany(EnvironmentFoldersOf))
        {
            yield return Expanded(folder);
        }

        foreach (var installation in Bases())
        {
            yield return Path.Combine(installation, "envs");
        }

        yield return Path.Combine(surroundings.HomeFolder, ".conda", "envs");
    }

    /// <summary>Those of pixi's global tools, and of the project that is active or that the current folder is in.</summary>
    private IEnumerable<string> PixiFolders()
    {
        yield return Path.Combine(
            surroundings["PIXI_HOME"] is { } home ? Expanded(home) : Path.Combine(surroundings.HomeFolder, ".pixi"), "envs");
        if (surroundings["PIXI_PROJECT_ROOT"] is { } active && IsPlace(active))
        {
            yield return PixiEnvironments.Of(active);
        }

        for (var folder = surroundings.CurrentFolder; folder is { Length: > 0 }; folder = Path.GetDirectoryName(folder))
        {
            yield return PixiEnvironments.Of(folder);
        }
    }

    private IEnumerable<string> Bases()
    {
        // CONDA_EXE is <base>/bin/conda, or <base>\Scripts\conda.exe.
        if (surroundings["CONDA_EXE"] is { Length: > 0 } executable
            && Path.GetDirectoryName(Path.GetDirectoryName(executable)) is { Length: > 0 } root)
        {
            yield return root;
        }

        foreach (var variable in new[] { "CONDA_ROOT", "MAMBA_ROOT_PREFIX" })
        {
            if (surroundings[variable] is { Length: > 0 } folder)
            {
                yield return Expanded(folder);
            }
        }

        foreach (var name in Installations)
        {
            yield return Path.Combine(surroundings.HomeFolder, name);
        }

        if (!OperatingSystem.IsWindows())
        {
            yield return "/opt/conda";
        }
    }

    private IEnumerable<string> ConfigurationFiles()
    {
        if (surroundings["CONDARC"] is { Length: > 0 } given)
        {
            yield return Expanded(given);
        }

        yield return Path.Combine(surroundings.HomeFolder, ".condarc");
        yield return Path.Combine(surroundings.HomeFolder, ".conda", ".condarc");
        yield return Path.Combine(surroundings["XDG_CONFIG_HOME"] ?? Path.Combine(surroundings.HomeFolder, ".config"), "conda", ".condarc");
        foreach (var installation in Bases())
        {
            yield return Path.Combine(installation, ".condarc");
        }
    }

    /// <summary>The <c>envs_dirs</c> (older: <c>envs_path</c>) of a configuration file; none where it cannot be read.</summary>
    private IEnumerable<string> EnvironmentFoldersOf(string file)
    {
        const string Missed = "the environments in folders that it names";
        var text = Folder.Read(file, File.ReadAllText, out var trouble);
        Note(file, trouble, Missed);
        if (text is null)
        {
            return [];
        }

        try
        {
            var yaml = BoundedYaml.Load(text);
            return yaml.Documents is [{ RootNode: YamlMappingNode settings }, ..]
                ? [.. settings.Children
                    .Where(pair => pair.Key is YamlScalarNode { Value: "envs_dirs" or "envs_path" })
                    .SelectMany(pair => pair.Value switch
                    {
                        YamlSequenceNode several => several.Children.OfType<YamlScalarNode>().Select(node => node.Value ?? ""),
                        YamlScalarNode single => [single.Value ?? ""],
                        _ => [],
                    })
                    .Where(folder => folder.Length > 0)]
                : [];
        }
        catch (Exception)
        {
            // conda itself rejects such a file with an error; environments are found in the other ways.
            Note(file, "it is not valid YAML", Missed);
            return [];
        }
    }

    private IEnumerable<string> Children(string folder)
    {
        var entries = Folder.List(folder, out var trouble);
        Note(folder, trouble, "the environments in it");
        return entries.OfType<DirectoryInfo>().Select(entry => entry.FullName);
    }

    private void Note(string path, string? trouble, string missed)
    {
        if (trouble is not null)
        {
            _unread.Add($"{path} cannot be read, so that {missed} may be missing: {trouble}");
        }
    }

    /// <summary>An absolute path; one with a NUL, as a full disk leaves it in a file, leads nowhere.</summary>
    private static bool IsPlace(string path) => Path.IsPathFullyQualified(path) && !path.Contains('\0', StringComparison.Ordinal);

    private string Expanded(string path)
    {
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal))
        {
            path = surroundings.HomeFolder + path[1..];
        }

        foreach (var variable in new[] { "HOME", "USER", "CONDA_ROOT" })
        {
            if (surroundings[variable] is { } value)
            {
                path = path.Replace("${" + variable + "}", value, StringComparison.Ordinal)
                    .Replace("$" + variable, value, StringComparison.Ordinal);
            }
        }

        return path;
    }

    private static string Tidy(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
