using System.Diagnostics;
using System.Security.Cryptography;

using EnvPlatform.Contracts.Messaging;
using EnvPlatform.LocalServers;

using Npgsql;

using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

using StackExchange.Redis;

namespace EnvPlatform.Servers;

/// <summary>The three servers, with data that are deleted when they end.</summary>
internal sealed class RunningServers(DataFolder folder) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly List<Process> _processes = [];

    /// <summary>
    /// The services' own users, with the rights that they have on a real platform, but over names with the prefix of a test; and they may
    /// publish every event, since tests let a service send itself what others would have sent. The password is the name.
    /// </summary>
    private static IReadOnlyList<BrokerUser> Users { get; } =
    [
        .. new[] { "gateway", "identity", "ingest", "scanner", "policy", "audit" }.Select(service =>
        {
            var rights = BrokerRights.Of(service, "[a-z0-9]+-");
            const string AnyEvent = @"|^[a-z0-9]+-EnvPlatform\.Contracts\.Events:\w+$";
            return new BrokerUser(service, service, rights.Configure + AnyEvent, rights.Write + AnyEvent, rights.Read);
        }),
    ];

    public string Postgres { get; private set; } = "";

    public string RabbitMq { get; private set; } = "";

    public string Redis { get; private set; } = "";

    public async Task StartAsync(CancellationToken ct)
    {
        var password = RandomNumberGenerator.GetHexString(32);
        var (postgres, rabbitMq, redis) = (
            new PostgresProgram(folder, "postgres", keep: false),
            new RabbitMqProgram(folder, "messaging", keep: false, _ => Task.FromResult(Users)),
            new RedisProgram(folder, "redis", keep: false, _ => Task.FromResult<IReadOnlyList<RedisUser>>([])));
        Postgres = $"Host=127.0.0.1;Port={postgres.Port};Username=postgres;Password={password}";
        RabbitMq = $"amqp://guest:{password}@127.0.0.1:{rabbitMq.Port}";
        Redis = $"127.0.0.1:{redis.Port},password={password}";
        await Task.WhenAll(
            StartAsync(postgres, "postgres", password, AskPostgresAsync, ct), StartAsync(rabbitMq, "guest", password, AskRabbitMqAsync, ct),
            StartAsync(redis, "", password, AskRedisAsync, ct));
    }

    public async ValueTask DisposeAsync()
    {
        // All are stopped before waiting for the first: this process may be ended in between.
        foreach (var process in _processes)
        {
            process.Kill();
        }

        foreach (var process in _processes)
        {
            using (process)
            {
                await process.WaitForExitAsync();
            }
        }
    }

    private static Process Run(ServerProcess server)
    {
        // Its output would mix with ours; clients notice errors.
        var info = new ProcessStartInfo(server.Command, server.Arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = server.WorkingDirectory,
        };
        foreach (var (name, value) in server.Environment)
        {
            info.Environment[name] = value;
        }

        var process = Process.Start(info)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task StartAsync(
        ILocalServer server, string user, string password, Func<CancellationToken, Task<bool>> ask, CancellationToken ct)
    {
        await server.PrepareAsync(user, password, ct);
        var started = server.Companions.Values.Append(server.Process).Select(Run).ToArray();
        lock (_processes)
        {
            _processes.AddRange(started);
        }

        while (!await ask(ct))
        {
            if (started[^1].HasExited)
            {
                throw new LocalServerException($"{server.Process.Command} ended with exit code {started[^1].ExitCode}.");
            }

            await Task.Delay(Pause, TimeProvider.System, ct);
        }
    }

    private async Task<bool> AskPostgresAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = new NpgsqlConnection(Postgres + ";Pooling=false");
            await connection.OpenAsync(ct);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private async Task<bool> AskRabbitMqAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = await new ConnectionFactory { Uri = new Uri(RabbitMq) }.CreateConnectionAsync(ct);
            return true;
        }
        catch (BrokerUnreachableException)
        {
            return false;
        }
    }

    private async Task<bool> AskRedisAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync(Redis).WaitAsync(ct);
            return true;
        }
        catch (RedisConnectionException)
        {
            return false;
        }
    }
}
