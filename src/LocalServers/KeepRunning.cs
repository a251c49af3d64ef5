using Aspire.Hosting.ApplicationModel;

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Restarts a process that ended unexpectedly, after a second, then two, four... at most 30. Before the platform was first ready such an
/// exit is a failed start instead: it is reported with the last lines of the log, and everything stops.
/// </summary>
internal sealed partial class KeepRunning(
    StartOutcome outcome, LogFiles logs, DataFolder folder, ResourceNotificationService resources, ResourceCommandService commands,
    IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<KeepRunning> log) : BackgroundService
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>A process that ran this long has recovered: its next exit counts as the first again.</summary>
    private static readonly TimeSpan Recovered = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, Life> _lives = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var change in resources.WatchAsync(stoppingToken))
            {
                if (change.Resource is ExecutableResource or ProjectResource && change.Snapshot.State?.Text is { } state)
                {
                    await FollowAsync(change, state, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The platform ends.
        }
    }

    private async Task FollowAsync(ResourceEvent change, string state, CancellationToken ct)
    {
        if (!_lives.TryGetValue(change.ResourceId, out var life))
        {
            _lives[change.ResourceId] = life = new();
        }

        var before = life.State;
        if (before == state)
        {
            return;
        }

        life.State = state;
        if (state == KnownResourceStates.Running)
        {
            life.RunningSince = clock.GetTimestamp();
        }

        // Stopping is the state of a process that was told to stop.
        if (!KnownResourceStates.TerminalStates.Contains(state) || before is null || before == KnownResourceStates.Stopping
            || lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return;
        }

        var runsOnce = change.Resource.Annotations.OfType<RunsOnceAnnotation>().Any();
        if (runsOnce && (change.Snapshot.ExitCode == 0 || outcome.IsReady))
        {
            return;
        }

        if (!outcome.IsReady)
        {
            await outcome.FailAsync(Describe(change));
            lifetime.StopApplication();
            return;
        }

        LogEnded(log, change.Resource.Name, change.Snapshot.ExitCode);
        _ = StartAgainAsync(change.ResourceId, life, ct);
    }

    private string Describe(ResourceEvent change)
    {
        var name = change.Resource.Name;
        var code = change.Snapshot.ExitCode is { } exit ? $" with exit code {exit}" : "";
        var tail = string.Concat(logs.TailOf(name).Select(line => Environment.NewLine + "  " + line));
        return $"{name} ended{code} before the platform was ready. Its log is {folder.LogFor(name)}.{tail}";
    }

    private async Task StartAgainAsync(string id, Life life, CancellationToken ct)
    {
        life.Failures = life.RunningSince is { } since && clock.GetElapsedTime(since) > Recovered ? 1 : life.Failures + 1;
        var wait = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, life.Failures - 1), LongestWait.TotalSeconds));
        try
        {
            await Task.Delay(wait, clock, ct);
            await commands.ExecuteCommandAsync(id, KnownResourceCommands.StartCommand, ct);
        }
        catch (OperationCanceledException)
        {
            // The platform ends.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Resource} ended with exit code {ExitCode} and is restarted.")]
    private static partial void LogEnded(ILogger logger, string resource, int? exitCode);

    private sealed class Life
    {
        public string? State { get; set; }

        /// <summary>When it last began to run; null before.</summary>
        public long? RunningSince { get; set; }

        public int Failures { get; set; }
    }
}
