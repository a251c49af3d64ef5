namespace EnvPlatform.Postgres.Background;

/// <summary>
/// Work that a notification of PostgreSQL wakes (<c>LISTEN</c>). It runs once when the connection listens, then after every notification,
/// and after the time that the last turn returned. Register it with <see cref="BackgroundWork.AddListeningWork{T}"/>.
/// </summary>
public interface IListeningWork
{
    /// <summary>The channel to listen to: a plain SQL name.</summary>
    static abstract string Channel { get; }

    /// <summary>One turn: all the work that is pending. Exceptions are logged and counted, and the turn is retried.</summary>
    /// <returns>How long to wait for a notification before the next turn, in case one is lost; more than zero.</returns>
    Task<TimeSpan> RunAsync(CancellationToken ct);
}
