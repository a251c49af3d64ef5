using System.Diagnostics;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A scanner in a process of its own, that can be killed.</summary>
internal sealed class ScannerProcess : IDisposable
{
    private readonly Process _process;

    private ScannerProcess(Process process) => _process = process;

    public static async Task<ScannerProcess> StartAsync(TestDatabase database, IReadOnlyDictionary<string, string?> settings)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Assembly());
        var all = new Dictionary<string, string?>(settings.Concat(TestKeys.SettingsOf("scanner")), StringComparer.Ordinal)
        {
            ["urls"] = $"http://127.0.0.1:{TestPorts.Next()}",
            ["GRPC_PORT"] = $"{TestPorts.Next()}",
            ["ConnectionStrings:scanner"] = await database.PrepareAsync(typeof(ScannerOptions).Assembly),
            ["ConnectionStrings:messaging"] = TestServers.RabbitMqAs("scanner"),
            ["ConnectionStrings:redis"] = TestServers.Redis,
        };
        foreach (var (key, value) in all)
        {
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        var started = Process.Start(start)!;
        // A full pipe would stop the process.
        started.OutputDataReceived += (_, _) => { };
        started.ErrorDataReceived += (_, _) => { };
        started.BeginOutputReadLine();
        started.BeginErrorReadLine();
        return new(started);
    }

    /// <summary>The most memory that it has had resident (Linux), in MiB.</summary>
    public long PeakMemory()
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        var kibibytes = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return long.Parse(kibibytes, System.Globalization.CultureInfo.InvariantCulture) >> 10;
    }

    /// <summary>SIGKILL: it cannot react, and is gone when this returns.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    /// <summary>The scanner of the build that these tests belong to: artifacts/bin/Scanner/configuration.</summary>
    private static string Assembly()
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(AppContext.BaseDirectory, "..", "..", "Scanner", configuration, "EnvPlatform.Scanner.dll");
    }
}
