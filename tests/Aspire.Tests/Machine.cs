using System.Globalization;
using System.Runtime.InteropServices;
using Aspire.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EnvPlatform.Aspire.Tests;

/// <summary>Looks at the processes of the machine and sends signals to those that the tests have started.</summary>
internal static partial class Machine
{
    public const int Interrupt = 2, Kill = 9, Terminate = 15;

    public static int PidOf(this DistributedApplication app, string resourceId)
    {
        Assert.That(app.ResourceNotifications.TryGetCurrentState(resourceId, out var state), Is.True, $"no resource {resourceId}");
        return (int)state!.Snapshot.Properties.Single(p => p.Name == "executable.pid").Value!;
    }

    /// <summary>Every process whose command line or environment names the folder: what an application with that data folder has started.</summary>
    public static int[] ProcessesOf(string folder) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out var pid) && pid != Environment.ProcessId)
            .Where(name => Read($"/proc/{name}/cmdline").Contains(folder) || Read($"/proc/{name}/environ").Contains(folder))
            .Select(name => int.Parse(name!)),
    ];

    public static bool IsRunning(int pid) => Read($"/proc/{pid}/stat") is { Length: > 0 } stat && stat[stat.LastIndexOf(')') + 2] != 'Z';

    public static void Signal(int pid, int signal) => Assert.That(SendSignal(pid, signal), Is.Zero, $"kill -{signal} {pid}");

    /// <summary>Waits for something that is true soon.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, string what, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            Assert.That(limit.IsCancellationRequested, Is.False, what);
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
        }
    }

    /// <summary>Waits until the resource has been unhealthy and is healthy again, in another process.</summary>
    public static Task RestartedAsync(this DistributedApplication app, string resourceId, int oldPid, CancellationToken ct) =>
        app.ResourceNotifications.WaitForResourceAsync(
            resourceId, e => e.Snapshot.HealthStatus == HealthStatus.Healthy && app.PidOf(resourceId) != oldPid, ct);

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // The process has just ended.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
