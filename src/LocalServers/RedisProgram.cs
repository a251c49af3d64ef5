namespace EnvPlatform.LocalServers;

/// <summary>
/// The machine's own Redis, run privately. It holds only what can be rebuilt, so it stores nothing on disk unless told to.
/// </summary>
public sealed class RedisProgram : ILocalServer
{
    private readonly string _data;
    private readonly bool _keep;
    private readonly Func<CancellationToken, Task<IReadOnlyList<RedisUser>>> _users;

    /// <param name="folder">Where the data are kept.</param>
    /// <param name="name">Of the server's own folder.</param>
    /// <param name="keep">False for temporary data.</param>
    /// <param name="users">Those beside the administrator, who is Redis's default user.</param>
    public RedisProgram(DataFolder folder, string name, bool keep, Func<CancellationToken, Task<IReadOnlyList<RedisUser>>> users)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (_keep, _users) = (keep, users);
        _data = folder.For(name, keep);
        Port = FreePorts.Next();
        Process = new(
            Programs.Find("redis-server", "redis-server"), [Path.Combine(_data, "redis.conf")], _data, new Dictionary<string, string>());
    }

    public int Port { get; }

    public IReadOnlyDictionary<string, ServerProcess> Companions { get; } = new Dictionary<string, ServerProcess>();

    public ServerProcess Process { get; }

    public async Task PrepareAsync(string user, string password, CancellationToken ct)
    {
        var users = string.Join('\n', (await _users(ct)).Select(other => other.Definition));
        DataFolder.WritePrivate(Path.Combine(_data, "redis.conf"), $"""
            bind 127.0.0.1
            port {Port}
            requirepass {password}
            dir "{_data}"
            save {(_keep ? "60 1" : "\"\"")}
            {users}
            """);
    }
}
