namespace EnvPlatform.Agent.Client;

/// <summary>Waits for the scan that follows a log.</summary>
internal static class ScanWait
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Polls until the environment's packages are scanned (a log of other packages clears the time of the last scan); returns the counts.
    /// </summary>
    /// <exception cref="AgentException">The scan takes more than two minutes.</exception>
    public static async Task<SeverityCounts> UntilDoneAsync(Session session, Guid environment, CancellationToken ct)
    {
        var clock = session.Surroundings.Clock;
        var started = clock.GetTimestamp();
        for (var pause = TimeSpan.FromMilliseconds(100); clock.GetElapsedTime(started) < Longest;
            pause = pause < TimeSpan.FromSeconds(2) ? pause * 1.5 : pause)
        {
            var answer = await session.Client.GetAsync(session.Path($"environments/{environment}"), CallOptions.Usual, ct);
            var view = answer.As(AgentJson.Default.EnvironmentView);
            if (view.ScannedAt is not null)
            {
                return view.Vulnerabilities ?? new SeverityCounts();
            }

            await Task.Delay(pause, clock, ct);
        }

        throw new AgentException(
            $"The scan is not done after {Longest.TotalMinutes:0} minutes: 'envplatform env show {environment}' shows it when it is.");
    }
}
