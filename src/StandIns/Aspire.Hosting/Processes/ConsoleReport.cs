using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Processes;

/// <summary>Prints a line for each change that a person cares about, and ends the application when a resource fails to start.</summary>
internal sealed class ConsoleReport(
    ResourceNotificationService notifications, DistributedApplicationModel model, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private readonly Dictionary<string, string> said = [];
    private readonly Dictionary<string, long> since = [];
    private readonly int width = model.Resources.Where(r => r.HasProcess()).Select(r => r.Name.Length).DefaultIfEmpty().Max() + 4;

    /// <summary>The first resource that failed to start, and why.</summary>
    public string? Failure { get; private set; }

    public async Task WatchAsync(CancellationToken ct)
    {
        try
        {
            await foreach (var change in notifications.WatchAsync(ct))
                if (change.Resource.HasProcess())
                    Report(change);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The application has ended.
        }
    }

    private void Report(ResourceEvent change)
    {
        var snapshot = change.Snapshot;
        var state = snapshot.State?.Text;
        if (state == KnownResourceStates.Starting)
            since[change.ResourceId] = clock.GetTimestamp();

        var healthy = snapshot.HealthStatus == HealthStatus.Healthy;
        var what = state switch
        {
            _ when state == KnownResourceStates.FailedToStart => "failed to start",
            _ when state == KnownResourceStates.Finished => "finished",
            _ when state == KnownResourceStates.Exited && snapshot.StopTimeStamp is not null => "stopped",
            _ when state == KnownResourceStates.Exited => $"{ResourceNotificationService.Reason(snapshot)}, starting again",
            _ when state == KnownResourceStates.Running && healthy => "ready",
            _ when state == KnownResourceStates.Running && said.GetValueOrDefault(change.ResourceId) == "ready" => "not ready",
            _ => null,
        };
        if (what is null || said.GetValueOrDefault(change.ResourceId) == what)
            return;

        said[change.ResourceId] = what;
        if (what == "failed to start")
        {
            what += ": " + ResourceNotificationService.Reason(snapshot);
            Failure ??= $"'{change.ResourceId}' {what}";
            lifetime.StopApplication();
        }

        var seconds = clock.GetElapsedTime(since.GetValueOrDefault(change.ResourceId)).TotalSeconds;
        var detail = what == "ready" ? $"{string.Join("  ", snapshot.Urls.Select(url => url.Url))}  ({seconds:0.0} s)" : "";
        Console.WriteLine($"{change.ResourceId.PadRight(width)}{what,-8}{detail}".TrimEnd());
    }
}
