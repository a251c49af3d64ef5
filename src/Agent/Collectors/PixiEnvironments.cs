namespace EnvPlatform.Agent.Collectors;

/// <summary>Where pixi keeps environments: <c>.pixi/envs/NAME</c> in a project, and <c>~/.pixi/envs/NAME</c> for global tools.</summary>
internal static class PixiEnvironments
{
    private static readonly string Folder = Path.Combine(".pixi", "envs");

    /// <summary>The environments' folders of a project, which need not exist.</summary>
    public static string Of(string project) => Path.Combine(project, Folder);

    /// <summary>
    /// What pixi calls an environment, <c>PROJECT</c> or <c>PROJECT:NAME</c>; null for a prefix that is not in a project of pixi.
    /// </summary>
    public static string? NameOf(string prefix)
    {
        var envs = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(prefix));
        if (envs is null || Path.GetFileName(envs) != "envs" || Path.GetDirectoryName(envs) is not { } pixi
            || Path.GetFileName(pixi) != ".pixi" || Path.GetFileName(Path.GetDirectoryName(pixi)) is not { Length: > 0 } project
            || !File.Exists(Path.Combine(prefix, "conda-meta", "pixi")))
        {
            return null;
        }

        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(prefix));
        return name == "default" ? project : $"{project}:{name}";
    }

    /// <summary>For a folder that is no environment: which environments the project of pixi in it has; empty where it is none.</summary>
    public static string Advice(string folder)
    {
        try
        {
            var found = Directory.Exists(Of(folder)) ? Directory.GetDirectories(Of(folder)).Where(CondaEnvironment.IsAt) : [];
            return found.Order(StringComparer.Ordinal).ToArray() is [_, ..] some
                ? $" It is a project of pixi: give one of its environments, {string.Join(", ", some)}."
                : File.Exists(Path.Combine(folder, "pixi.lock"))
                    ? $" It is a project of pixi that is not installed: give --file {Path.Combine(folder, "pixi.lock")}."
                    : "";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
