namespace EnvPlatform.Postgres.Background;

/// <summary>
/// Work that a notification of PostgreSQL wakes (<c>LISTEN</c>). It runs once when the connection listens, then after every notification,
/// and after the time that the last turn named. Register it with <see cref="BackgroundWork.AddListeningWork{T}"/>.
/// </summary>
public interface IListeningWork
{
    /// <summary>The channel to listen to: a plain SQL name.</summary>
    static abstract string Channel { get; }

    /// <summary>
    /// One turn of the work: all that there is to do now. What it throws is logged and counted, and the turn is tried again.
    /// </summary>
    /// <returns>How long to wait for a notification before the next turn, in case one is lost; more than zero.</returns>
    Task<TimeSpan> RunAsync(CancellationToken ct);
}
