using System.Collections;
using System.Reflection;

namespace EnvPlatform.Agent;

/// <summary>The machine as a run of the agent sees it: streams, environment variables, folders, clock.</summary>
internal sealed record Surroundings
{
    /// <summary>The agent's version, as in <c>--version</c> and the User-Agent header.</summary>
    public static readonly string Version =
        typeof(Surroundings).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    public required TextReader In { get; init; }
    public required TextWriter Out { get; init; }
    public required TextWriter Error { get; init; }
    public bool InIsTerminal { get; init; }
    public bool OutIsTerminal { get; init; }
    public bool ErrorIsTerminal { get; init; }
    public required IReadOnlyDictionary<string, string> Variables { get; init; }
    public required string HomeFolder { get; init; }
    public required string CurrentFolder { get; init; }
    public required string HostName { get; init; }
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>This program's own file, to start it once more; null where it is not the running process.</summary>
    public string? Program { get; init; }

    /// <summary>The value of an environment variable; null where it is not set or empty.</summary>
    public string? this[string variable] => Variables.TryGetValue(variable, out var value) && value.Length > 0 ? value : null;

    public static Surroundings OfThisProcess() => new()
    {
        In = Console.In,
        Out = Console.Out,
        Error = Console.Error,
        InIsTerminal = !Console.IsInputRedirected,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Variables = VariablesOfThisProcess(),
        HomeFolder = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
        CurrentFolder = Environment.CurrentDirectory,
        HostName = Environment.MachineName,
        // Under another name it is a runtime that runs this program.
        Program = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "envplatform" ? Environment.ProcessPath : null,
    };

    private static Dictionary<string, string> VariablesOfThisProcess()
    {
        var variables = new Dictionary<string, string>(
            OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            variables[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        return variables;
    }

    /// <summary>An absolute path for what the user typed.</summary>
    public string FullPath(string path)
    {
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
        {
            path = HomeFolder + path[1..];
        }

        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, CurrentFolder));
    }
}
