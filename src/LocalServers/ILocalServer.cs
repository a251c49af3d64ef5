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
    /// Writes settings, and creates the data when they are not there. Called before every start, also after a crash; waits until an earlier
    /// process of the same data has ended.
    /// </summary>
    /// <exception cref="LocalServerException">It cannot be run.</exception>
    Task PrepareAsync(string user, string password, CancellationToken ct);

    /// <summary>Asks a server to end for which SIGTERM, which every process gets, is not the best way to; it may still run afterwards.</summary>
    Task EndAsync(CancellationToken ct) => Task.CompletedTask;
}
