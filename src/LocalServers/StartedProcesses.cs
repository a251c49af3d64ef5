using System.Globalization;

namespace EnvPlatform.LocalServers;

/// <summary>
/// All processes that this one starts, directly or indirectly: they inherit a marker in their environment. The orchestrator's own processes
/// end a little after their children, and after the host has stopped.
/// </summary>
internal sealed class StartedProcesses(TimeProvider clock)
{
    private const string Variable = "ENVPLATFORM_RUN";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly string _mark = $"{Variable}={Guid.CreateVersion7():N}";

    /// <summary>Marks what is started from now on.</summary>
    public void Mark() => Environment.SetEnvironmentVariable(Variable, _mark[(Variable.Length + 1)..]);

    /// <summary>Waits until none is left, or until the time is up.</summary>
    public async Task EndAsync(TimeSpan patience)
    {
        var start = clock.GetTimestamp();
        while (OperatingSystem.IsLinux() && AreLeft() && clock.GetElapsedTime(start) < patience)
        {
            await Task.Delay(Pause, clock);
        }
    }

    private bool AreLeft() =>
        Directory.EnumerateDirectories("/proc").Any(folder =>
            int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) && pid != Environment.ProcessId
            && EnvironmentOf(folder).Contains(_mark, StringComparison.Ordinal));

    /// <summary>Empty for a process that has ended, or belongs to somebody else.</summary>
    private static string EnvironmentOf(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
