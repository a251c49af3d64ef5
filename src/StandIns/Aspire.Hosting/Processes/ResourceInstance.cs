using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Processes;

/// <summary>Keeps one process of a resource (one of its replicas) running: starts it when what it waits for is there, and again when it dies.</summary>
internal sealed class ResourceInstance(
    IResource resource, int index, string id, DataFolder folder, ResourceNotificationService notifications, TimeProvider clock)
    : IDisposable
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(500), LongestBackoff = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(90), StopPatience = TimeSpan.FromSeconds(20);

    /// <summary>How long a process without a health check has to run to count as started.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private CancellationTokenSource? running;
    private Task supervision = Task.CompletedTask;
    private TaskCompletionSource launched = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IResource Resource => resource;
    public string Id => id;
    private string Log { get; } = folder.LogFor(id);

    public void Start()
    {
        lock (gate)
        {
            if (!supervision.IsCompleted)
                return;

            running?.Dispose();
            running = new CancellationTokenSource();
            launched = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var ct = running.Token;
            supervision = Task.Run(() => SuperviseAsync(ct), CancellationToken.None);
        }
    }

    public async Task StopAsync()
    {
        Task pending;
        lock (gate)
        {
            pending = supervision;
            running?.Cancel();
        }

        await pending;
    }

    public Task StopByCommandAsync(CancellationToken ct) => StopAsync().WaitAsync(ct);

    public Task StartByCommandAsync(CancellationToken ct)
    {
        Start();
        lock (gate)
            return launched.Task.WaitAsync(ct);
    }

    private async Task SuperviseAsync(CancellationToken ct)
    {
        var backoff = FirstBackoff;
        var everReady = false;
        try
        {
            await WaitForDependenciesAsync(ct);
            while (true)
            {
                var started = clock.GetTimestamp();
                var run = await RunOnceAsync(everReady, ct);
                everReady |= run.WasReady;
                if (run.ExitCode == 0 && resource is not ContainerResource && !HasProbe)
                {
                    Publish(KnownResourceStates.Finished, s => s with { ExitCode = 0, HealthStatus = null });
                    return;
                }

                if (!everReady)
                {
                    Fail(run);
                    return;
                }

                if (clock.GetElapsedTime(started) > LongestBackoff * 2)
                    backoff = FirstBackoff;
                Publish(KnownResourceStates.Exited, s => s with { ExitCode = run.ExitCode, HealthStatus = HealthStatus.Unhealthy }, run.Reason);
                await Task.Delay(backoff, clock, ct);
                backoff = backoff * 2 < LongestBackoff ? backoff * 2 : LongestBackoff;
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            Publish(KnownResourceStates.Exited, s => s with { HealthStatus = null, StopTimeStamp = clock.GetUtcNow().UtcDateTime });
        }
        catch (Exception e)
        {
            // Whatever the model's own code throws (environment callbacks, health checks) is a failure of this resource, not of the others.
            var reason = e is DistributedApplicationException ? e.Message : e.ToString();
            Publish(KnownResourceStates.FailedToStart, s => s with { HealthStatus = HealthStatus.Unhealthy }, reason);
        }
        finally
        {
            launched.TrySetResult();
        }
    }

    private async Task WaitForDependenciesAsync(CancellationToken ct)
    {
        Publish(KnownResourceStates.Waiting, s => s with { HealthStatus = HealthStatus.Unhealthy });
        await Task.WhenAll(resource.Annotations.OfType<WaitAnnotation>().Select(wait => WaitForAsync(wait, ct)));
    }

    private async Task WaitForAsync(WaitAnnotation wait, CancellationToken ct)
    {
        var name = wait.Resource.Name;
        var seen = await notifications.WaitForResourceAsync(name, Decided, ct);
        var state = seen.Snapshot;
        if (state.State?.Text == KnownResourceStates.FailedToStart)
            throw new DistributedApplicationException($"It waits for '{name}', which failed to start.");
        if (wait.WaitType == WaitType.WaitForCompletion && state.ExitCode != wait.ExitCode)
            throw new DistributedApplicationException($"It waits for '{name}', which exited with code {state.ExitCode} instead of {wait.ExitCode}.");

        bool Decided(ResourceEvent e) => e.Snapshot.State?.Text == KnownResourceStates.FailedToStart || wait.WaitType switch
        {
            WaitType.WaitForCompletion => KnownResourceStates.TerminalStates.Contains(e.Snapshot.State?.Text),
            WaitType.WaitUntilStarted => e.Snapshot.State?.Text == KnownResourceStates.Running,
            _ => e.Snapshot.HealthStatus == HealthStatus.Healthy,
        };
    }

    private sealed record Run(bool WasReady, int? ExitCode, string Reason, string LogTail);

    /// <summary>From the start of the process to its end, whatever that is.</summary>
    private async Task<Run> RunOnceAsync(bool everReady, CancellationToken ct)
    {
        Publish(KnownResourceStates.Starting, s => s with { ExitCode = null, HealthStatus = HealthStatus.Unhealthy });
        var logStart = File.Exists(Log) ? new FileInfo(Log).Length : 0;
        var children = new List<ChildProcess>();
        try
        {
            foreach (var program in await Launch.ProgramsAsync(resource, index, id, folder, Log, ct))
                children.Add(await ChildProcess.StartAsync(program, Log));
            Publish(KnownResourceStates.Running, s => s with
            {
                HealthStatus = HealthStatus.Unhealthy,
                StartTimeStamp = clock.GetUtcNow().UtcDateTime,
                Properties = [new("executable.pid", children[^1].Id)],
                Urls = [.. resource.Annotations.OfType<EndpointAnnotation>().Select(e => new UrlSnapshot(e.Name, e.UrlOf(index), IsInternal: false))],
            });
            launched.TrySetResult();

            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var exit = Task.WhenAny(children.Select(child => child.WaitForExitAsync(over.Token)));
            var watch = WatchHealthAsync(everReady, over.Token);
            await Task.WhenAny(exit, watch);
            ct.ThrowIfCancellationRequested();

            var died = children.FirstOrDefault(child => child.HasExited);
            await over.CancelAsync();
            var (ready, missing) = await watch;
            return new Run(
                ready, died?.ExitCode, died is null ? $"not ready after {StartPatience.TotalSeconds} s: {missing}" : $"exited with code {died.ExitCode}",
                children[^1].LogTail(20));
        }
        catch (DistributedApplicationException e)
        {
            return new Run(false, null, e.Message, ChildProcess.Tail(Log, logStart, 20));
        }
        finally
        {
            if (ct.IsCancellationRequested && children.Any(child => !child.HasExited))
                Publish(KnownResourceStates.Stopping, s => s with { HealthStatus = HealthStatus.Unhealthy });
            foreach (var child in Enumerable.Reverse(children))
            {
                await child.StopAsync(StopPatience);
                child.Dispose();
            }
        }
    }

    private bool HasProbe => resource.TryGet<ReadinessAnnotation>(out _);

    /// <summary>Publishes health until cancelled. Gives up, when the process never became ready, after the patience.</summary>
    private async Task<(bool EverReady, string? Missing)> WatchHealthAsync(bool servedBefore, CancellationToken ct)
    {
        var started = clock.GetTimestamp();
        var ready = false;
        string? missing = null;
        try
        {
            if (!HasProbe)
            {
                PublishHealth(HealthStatus.Healthy);
                await Task.Delay(Settled, clock, ct);
                ready = true;
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, ct);
            }

            while (ready || servedBefore || clock.GetElapsedTime(started) < StartPatience)
            {
                missing = await ProbeAsync(ct);
                if (missing is null && !ready)
                {
                    foreach (var action in resource.Annotations.OfType<WhenReadyAnnotation>())
                        await action.Action(ct);
                    ready = true;
                }

                PublishHealth(missing is null ? HealthStatus.Healthy : HealthStatus.Unhealthy);
                await Task.Delay(TimeSpan.FromMilliseconds(missing is null ? 5_000 : 100), clock, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The process is over, or is to be.
        }

        return (ready, missing);
    }

    private async Task<string?> ProbeAsync(CancellationToken ct)
    {
        foreach (var readiness in resource.Annotations.OfType<ReadinessAnnotation>())
            if (await readiness.Probe(index, ct) is { } missing)
                return missing;

        return null;
    }

    private void PublishHealth(HealthStatus status)
    {
        if (!notifications.TryGetCurrentState(id, out var now) || now.Snapshot.HealthStatus != status)
            Publish(KnownResourceStates.Running, s => s with { HealthStatus = status });
    }

    private void Fail(Run run)
    {
        var tail = run.LogTail.Length == 0 ? $"Its log {Log} is empty." : $"End of {Log}:\n  {run.LogTail.Replace("\n", "\n  ")}";
        Publish(
            KnownResourceStates.FailedToStart, s => s with { ExitCode = run.ExitCode, HealthStatus = HealthStatus.Unhealthy }, $"{run.Reason}\n{tail}");
    }

    /// <summary>The children of a server (its databases) share its state.</summary>
    private void Publish(string state, Func<CustomResourceSnapshot, CustomResourceSnapshot> change, string? failure = null)
    {
        notifications.Publish(resource, id, Change);
        foreach (var child in Children)
            notifications.Publish(child, child.Name, Change);

        CustomResourceSnapshot Change(CustomResourceSnapshot s)
        {
            s = change(s) with { State = state };
            var properties = s.Properties.RemoveAll(p => p.Name == ResourceNotificationService.FailureProperty);
            return s with { Properties = failure is null ? properties : properties.Add(new(ResourceNotificationService.FailureProperty, failure)) };
        }
    }

    public required IReadOnlyList<IResource> Children { get; init; }

    public void Dispose() => running?.Dispose();
}
