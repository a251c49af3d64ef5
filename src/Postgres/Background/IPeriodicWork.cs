namespace EnvPlatform.Postgres.Background;

/// <summary>
/// Work on the database that a service does when the schema is ready, and then once per interval. Several instances do it at the same
/// time, so it must allow that. Register it with <see cref="BackgroundWork.AddPeriodicWork{T}"/>.
/// </summary>
public interface IPeriodicWork
{
    /// <summary>Between two turns; each is up to a tenth shorter or longer. After a failure the next turn comes within 5 seconds.</summary>
    static abstract TimeSpan Interval { get; }

    /// <summary>One turn of the work. Exceptions are logged and counted, and the turn is retried.</summary>
    Task RunAsync(CancellationToken ct);
}
