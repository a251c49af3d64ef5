using System.Diagnostics;
using System.Text;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>The result of a run of the agent.</summary>
internal sealed record AgentRun(int ExitCode, string Output, string Error);

/// <summary>The agent as a member runs it: its own process, with settings in a folder of its own.</summary>
internal sealed class AgentProcess : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("envplatform-agent-");

    public string Home => _home.FullName;

    public Task<AgentRun> RunAsync(params string[] arguments) => RunAsync(arguments, []);

    /// <param name="variables">Of the environment, beside those of every run.</param>
    public async Task<AgentRun> RunAsync(string[] arguments, params (string Name, string Value)[] variables)
    {
        using var process = Process.Start(Command(arguments, variables))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await error);
    }

    /// <summary>A run that goes on while something else happens.</summary>
    /// <param name="says">Called with each line that it prints to standard error.</param>
    public async Task<AgentRun> RunAsync(Action<string> says, string[] arguments, params (string Name, string Value)[] variables)
    {
        using var process = Process.Start(Command(arguments, variables))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = new StringBuilder();
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            error.AppendLine(line);
            says(line);
        }

        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, error.ToString());
    }

    private ProcessStartInfo Command(string[] arguments, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Home
        };
        start.ArgumentList.Add(Assembly());
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["HOME"] = Home;
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Home, "config");
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(Home, "cache");
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("ENVPLATFORM_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    public void Dispose() => _home.Delete(recursive: true);

    /// <summary>The agent of the build that these tests belong to: artifacts/bin/Agent/configuration/envplatform.dll.</summary>
    private static string Assembly()
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(AppContext.BaseDirectory, "..", "..", "Agent", configuration, "envplatform.dll");
    }
}
