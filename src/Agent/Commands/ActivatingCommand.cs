using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Commands;

/// <summary>Which environment a command of conda, mamba, micromamba or pixi would activate or run a program in.</summary>
internal static class ActivatingCommand
{
    private static readonly string[] NameOptions = ["-n", "--name"];
    private static readonly string[] PrefixOptions = ["-p", "--prefix"];
    private static readonly string[] PixiOptions = ["-e", "--environment"];

    /// <summary>Options that are followed by a value, which is none of the command's own words.</summary>
    private static readonly string[] OtherOptions =
        ["--cwd", "-r", "--root-prefix", "--rc-file", "--shell", "-s", "--manifest-path", "-m", "--color", "--feature", "-f"];

    public static bool IsTool(string word) => Path.GetFileNameWithoutExtension(word) is "conda" or "mamba" or "micromamba" or "pixi";

    /// <returns>The prefix; null where the command activates nothing, or no environment that is there.</returns>
    public static string? PrefixOf(IReadOnlyList<string> words, Surroundings surroundings)
    {
        if (words.Count < 2 || words[1] is not ("activate" or "run" or "shell"))
        {
            return null;
        }

        var given = Given(words, out var first);
        return Path.GetFileNameWithoutExtension(words[0]) == "pixi" ? OfPixi(words[1], given, surroundings)
            : given.Help ? null
            : given.Prefix is { } prefix ? surroundings.FullPath(prefix)
            : given.Name is { } name ? ByName(name, surroundings)
            : words[1] == "activate" ? ByNameOrPath(first ?? "base", surroundings)
            : words[1] == "run" && surroundings["CONDA_PREFIX"] is { } active ? surroundings.FullPath(active)
            : null;
    }

    private static (string? Name, string? Prefix, string? Pixi, bool Help) Given(IReadOnlyList<string> words, out string? first)
    {
        string? name = null, prefix = null, pixi = null;
        var help = false;
        first = null;
        for (var at = 2; at < words.Count && first is null; at++)
        {
            var (option, value) = words[at].StartsWith("--", StringComparison.Ordinal) && words[at].Split('=', 2) is [var left, var right]
                ? (left, right)
                : (words[at], null);
            string? Value() => value ?? (at + 1 < words.Count ? words[++at] : null);
            if (NameOptions.Contains(option, StringComparer.Ordinal))
            {
                name = Value();
            }
            else if (PrefixOptions.Contains(option, StringComparer.Ordinal))
            {
                prefix = Value();
            }
            else if (PixiOptions.Contains(option, StringComparer.Ordinal))
            {
                pixi = Value();
            }
            else if (OtherOptions.Contains(option, StringComparer.Ordinal) && words[0] is not "conda")
            {
                Value();
            }
            else if (option == "--cwd")
            {
                Value();
            }
            else if (option is "-h" or "--help")
            {
                help = true;
            }
            else if (!option.StartsWith('-'))
            {
                first = option;
            }
        }

        return (name, prefix, pixi, help);
    }

    private static string? ByNameOrPath(string text, Surroundings surroundings) =>
        text.AsSpan().IndexOfAny('/', '\\') >= 0 || text is "." or ".." or "~"
            ? surroundings.FullPath(text)
            : ByName(text, surroundings);

    private static string? ByName(string name, Surroundings surroundings) => new EnvironmentFinder(surroundings).ByName(name);

    /// <summary>The environment of the project that the current folder is in.</summary>
    private static string? OfPixi(
        string verb, (string? Name, string? Prefix, string? Pixi, bool Help) given, Surroundings surroundings)
    {
        if (given.Help || verb == "activate")
        {
            return null;
        }

        for (var folder = surroundings.CurrentFolder; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var prefix = Path.Combine(folder, ".pixi", "envs", given.Pixi ?? "default");
            if (CondaEnvironment.IsAt(prefix))
            {
                return prefix;
            }
        }

        return null;
    }
}
