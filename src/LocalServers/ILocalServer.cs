namespace EnvPlatform.LocalServers;

/// <summary>
/// One of the machine's own servers, run privately: data in a folder of its own, listening on loopback only, with a password.
/// </summary>
public interface ILocalServer
{
    /// <summary>The TCP port that clients connect to.</summary>
    int Port { get; }

    /// <summary>Programs that must run before the server, by a suffix for their names.</summary>
    IReadOnlyDictionary<string, ServerProcess> Companions { get; }

    ServerProcess Process { get; }

    /// <summary>
    /// Writes settings, and creates the data if missing. Called before every start, also after a crash; waits until an earlier
    /// process of the same data has ended.
    /// </summary>
    /// <exception cref="LocalServerException">It cannot be run.</exception>
    Task PrepareAsync(string user, string password, CancellationToken ct);

    /// <summary>
    /// Asks the server to end, where SIGTERM, which every process gets afterwards, is not the best way. It may still run when this returns.
    /// </summary>
    Task EndAsync(CancellationToken ct) => Task.CompletedTask;
}
