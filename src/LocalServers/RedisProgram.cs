namespace EnvPlatform.LocalServers;

/// <summary>
/// The machine's own Redis, run privately. It holds only what can be rebuilt, so it stores nothing on disk unless told to.
/// </summary>
public sealed class RedisProgram : ILocalServer
{
    private readonly string _data;
    private readonly bool _keep;

    public RedisProgram(DataFolder folder, string name, bool keep)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _keep = keep;
        _data = folder.For(name, keep);
        Port = FreePorts.Next();
        Process = new(
            Programs.Find("redis-server", "redis-server"), [Path.Combine(_data, "redis.conf")], _data, new Dictionary<string, string>());
    }

    public int Port { get; }

    public IReadOnlyDictionary<string, ServerProcess> Companions { get; } = new Dictionary<string, ServerProcess>();

    public ServerProcess Process { get; }

    public Task PrepareAsync(string user, string password, CancellationToken ct)
    {
        DataFolder.WritePrivate(Path.Combine(_data, "redis.conf"), $"""
            bind 127.0.0.1
            port {Port}
            requirepass {password}
            dir "{_data}"
            save {(_keep ? "60 1" : "\"\"")}
            """);
        return Task.CompletedTask;
    }
}
