namespace EnvPlatform.ServiceDefaults.Background;

/// <summary>How long background work waits. Pure: the caller draws the random number, from 0 up to but not including 1.</summary>
public static class Pause
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);

    /// <summary>The interval, up to a tenth shorter or longer, so that instances that start together do not stay in step.</summary>
    public static TimeSpan Spread(TimeSpan interval, double random) => interval * (0.9 + (0.2 * random));

    /// <summary>
    /// Before the next try after that many failures in a row (1 or more): twice as long after each, at most 5 seconds, and spread over the
    /// upper half of that, so that the instances do not all retry at the same moment.
    /// </summary>
    public static TimeSpan AfterFailures(int failures, double random)
    {
        var full = FirstRetry * Math.Pow(2, Math.Min(failures, 10) - 1);
        return (full < LongestRetry ? full : LongestRetry) * (0.5 + (0.5 * random));
    }
}
