using System.Diagnostics;

namespace EnvPlatform.Agent.Tests.Native;

/// <summary>Publishes the agent with eng/agent.sh, each form once per test run.</summary>
internal static class Publishing
{
    private static readonly Lazy<Task<(int ExitCode, string Said)>> Native = new(() => RunAsync("--form", "native", Folder("native")));

    private static string Folder(string name) => Path.Combine(TestData.Repository, "artifacts", "agent tests", name);

    /// <summary>The native program. The test is ignored where this machine cannot link one, and fails in CI.</summary>
    public static async Task<string> NativeProgramAsync()
    {
        RequireUnix();
        var (exitCode, said) = await Native.Value;
        if (exitCode != 0 && said.Contains("no native code here", StringComparison.Ordinal)
            && Environment.GetEnvironmentVariable("CI") is not { Length: > 0 })
        {
            Assert.Ignore(said);
        }

        Assert.That(exitCode, Is.Zero, said);
        return Path.Combine(Folder("native"), "envplatform");
    }

    /// <summary>The one file with its own runtime for a platform.</summary>
    public static async Task<string> SingleFileAsync(string rid)
    {
        RequireUnix();
        var (exitCode, said) = await RunAsync("--form", "single", "--rid", rid, Folder(rid));
        Assert.That(exitCode, Is.Zero, said);
        var files = Directory.GetFiles(Folder(rid)).Select(Path.GetFileName).ToArray();
        Assert.That(files, Is.EqualTo(new[] { rid.StartsWith("win-", StringComparison.Ordinal) ? "envplatform.exe" : "envplatform" }));
        return Path.Combine(Folder(rid), files[0]!);
    }

    /// <summary>Runs eng/agent.sh from a folder of its own; returns its output, standard error last.</summary>
    public static async Task<(int ExitCode, string Said)> RunAsync(params IEnumerable<string> args)
    {
        var start = new ProcessStartInfo(Path.Combine(TestData.Repository, "eng", "agent.sh"), args)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        // The test host's own MSBuild settings must not affect another build.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    private static void RequireUnix()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("eng/agent.sh runs on Linux and macOS.");
        }
    }
}
