using System.Text.RegularExpressions;

using Tomlyn.Model;

using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Files that say what is wanted, not what is installed: the agent answers what to give instead.</summary>
internal static partial class Manifest
{
    private const string Installed = "or the folder of the installed environment with --prefix";
    private const string Locks = "uv.lock, pylock.toml, pixi.lock or conda-lock.yml";

    /// <summary>True where a file is TOML, by its name or by its first line that is no comment.</summary>
    public static bool IsToml(string fileName, string text) =>
        fileName.EndsWith(".toml", StringComparison.OrdinalIgnoreCase) || fileName is "uv.lock" or "poetry.lock" or "pdm.lock"
        || FirstLine().Match(text) is { Success: true };

    /// <summary>What to give instead of a TOML file that holds no resolved versions; null where it is none that is known.</summary>
    public static string? Advice(TomlTable root) => root switch
    {
        _ when root.ContainsKey("workspace") || (root.ContainsKey("dependencies") && root.ContainsKey("project")) || IsOldPixi(root) =>
            Wanted("the manifest of a pixi project", "its pixi.lock ('pixi lock' writes it), or the folder of an installed environment, "
                + ".pixi/envs/NAME, with --prefix"),
        _ when root.ContainsKey("package") && root.ContainsKey("metadata") =>
            $"It is a lock file of Poetry or PDM, which the agent does not read: give a pylock.toml, {Installed}.",
        _ when root.ContainsKey("project") || root.ContainsKey("build-system") || root.ContainsKey("tool")
            || root.ContainsKey("dependency-groups") => Wanted("a pyproject.toml", $"its lock file ({Locks}), {Installed}"),
        _ when root.ContainsKey("packages") || root.ContainsKey("dev-packages") || root.ContainsKey("source") =>
            Wanted("a Pipfile", $"a pylock.toml, {Installed}"),
        _ => null,
    };

    /// <summary>As the other one, for YAML: the manifest of an anaconda-project, a recipe.</summary>
    public static string? Advice(YamlMappingNode root)
    {
        bool Has(string key) => root.Children.ContainsKey(key);
        return Has("packages") && (Has("env_specs") || Has("channels") || Has("commands"))
            ? Wanted("the manifest of an anaconda-project", $"an environment.yml with exact versions ('conda env export'), {Installed}")
            : Has("requirements") && (Has("package") || Has("recipe"))
                ? Wanted("a recipe", $"the file of an environment, {Installed}")
                : null;
    }

    /// <summary>What to give instead of requirements of pip and the like, which name or first line tell; null for other files.</summary>
    public static string? Advice(string fileName, string text) => fileName switch
    {
        "setup.py" or "setup.cfg" => Wanted("the manifest of a Python project", $"a lock file ({Locks}), {Installed}"),
        "Pipfile.lock" => $"The agent does not read Pipfile.lock: give a pylock.toml, {Installed}.",
        _ when (fileName.StartsWith("requirements", StringComparison.OrdinalIgnoreCase)
                && (fileName.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) || fileName.EndsWith(".in", StringComparison.Ordinal)))
            || Requirement().IsMatch(text) =>
            $"It holds requirements of pip, which do not say all that is installed: give a pylock.toml ('pip lock'), {Installed}.",
        _ => null,
    };

    private static string Wanted(string what, string instead) => $"It is {what} and holds no resolved versions: give {instead}.";

    /// <summary>Before there were workspaces, a pixi.toml had a <c>project</c> with channels or platforms.</summary>
    private static bool IsOldPixi(TomlTable root) => BoundedToml.Table(root, "project") is { } project
        && (project.ContainsKey("channels") || project.ContainsKey("platforms")) && !root.ContainsKey("build-system");

    /// <summary>The head of a table, or a key with a value. <c>conda list --export</c> has no space before the equal sign.</summary>
    [GeneratedRegex(
        """\A\uFEFF?(?:[ \t]*(?:\#[^\n]*)?\r?\n)*[ \t]*(?:\[\[?[ \t]*[A-Za-z0-9_"'-][^\]\n]*\]\]?[ \t]*(?:\#[^\n]*)?\r?(?:\n|\z)|[A-Za-z0-9_.-]+(?:[ \t]*=[ \t]*["'\[{]|[ \t]+=[ \t]+\S))""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex FirstLine();

    [GeneratedRegex(
        """\A\uFEFF?(?:[ \t]*(?:\#[^\n]*)?\r?\n)*[ \t]*(?:-r |--[a-z]|[A-Za-z0-9][\w.-]*(?:\[[^\]\n]*\])?[ \t]*(?:===?|~=|>=|<=|!=|>|<|@[ \t]|;))""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Requirement();
}
