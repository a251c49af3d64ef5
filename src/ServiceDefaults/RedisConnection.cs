using StackExchange.Redis;

namespace EnvPlatform.ServiceDefaults;

/// <summary>The process's one connection to Redis. It is opened at first use, and reconnects by itself after an outage of Redis.</summary>
public sealed class RedisConnection : IAsyncDisposable
{
    private readonly ConfigurationOptions _settings;
    private readonly Lock _gate = new();
    private Task<ConnectionMultiplexer>? _opening;

    /// <param name="connectionString"><c>host:port,password=...</c></param>
    public RedisConnection(string connectionString)
    {
        _settings = ConfigurationOptions.Parse(connectionString);
        _settings.AbortOnConnectFail = false;
        _settings.ConnectTimeout = 2_000;
    }

    /// <exception cref="RedisException">Redis cannot be reached; the next call tries again.</exception>
    public async Task<IConnectionMultiplexer> OpenAsync(CancellationToken ct)
    {
        Task<ConnectionMultiplexer> opening;
        lock (_gate)
        {
            if (_opening is null or { IsFaulted: true } or { IsCanceled: true })
            {
                _opening = ConnectionMultiplexer.ConnectAsync(_settings);
            }

            opening = _opening;
        }

        return await opening.WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_opening is { IsCompletedSuccessfully: true } opened)
        {
            await (await opened).DisposeAsync();
        }
    }
}
