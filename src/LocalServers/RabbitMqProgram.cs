using System.Security.Cryptography;

namespace EnvPlatform.LocalServers;

/// <summary>
/// The machine's own RabbitMQ, run privately: own folders and settings, everything on loopback. The Erlang port mapper (epmd), of which a
/// machine normally has one that outlives its users, is started beside it on a port of its own and ends with it.
/// </summary>
public sealed class RabbitMqProgram : ILocalServer
{
    private readonly string _data;
    private readonly Func<CancellationToken, Task<IReadOnlyList<BrokerUser>>> _users;

    /// <param name="folder">Where the data are kept.</param>
    /// <param name="name">Of the server's own folder.</param>
    /// <param name="keep">False for temporary data.</param>
    /// <param name="users">Those beside the administrator.</param>
    public RabbitMqProgram(DataFolder folder, string name, bool keep, Func<CancellationToken, Task<IReadOnlyList<BrokerUser>>> users)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _users = users;
        _data = folder.For(name, keep);
        Port = FreePorts.Next();
        int mapperPort = FreePorts.Next(), distributionPort = FreePorts.Next();

        // The scripts in /usr/sbin switch the user; these do not.
        var program = Programs.Find("rabbitmq-server", "rabbitmq-server", "/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin");
        var mapper = Programs.Find("epmd", "erlang-base");
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = _data,
            ["LANG"] = "C.UTF-8",
            ["ERL_EPMD_PORT"] = $"{mapperPort}",
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_FLAGS"] = "-start_epmd false",
            ["RABBITMQ_NODENAME"] = "rabbit@localhost",
            ["RABBITMQ_DIST_PORT"] = $"{distributionPort}",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(_data, "rabbitmq-env.conf"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(_data, "rabbitmq.conf"),
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(_data, "advanced.config"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_data, "enabled_plugins"),
            ["RABBITMQ_LOG_BASE"] = _data,
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(_data, "mnesia"),

            // With input allowed, the script becomes the server instead of supervising it.
            ["RABBITMQ_ALLOW_INPUT"] = "1",
            ["RABBITMQ_SERVER_START_ARGS"] = "-noinput",
        };
        Process = new(program, [], _data, environment);
        Companions = new Dictionary<string, ServerProcess>
        {
            ["epmd"] = new(mapper, ["-port", $"{mapperPort}", "-address", "127.0.0.1"], _data, new Dictionary<string, string>()),
        };
    }

    public int Port { get; }

    public IReadOnlyDictionary<string, ServerProcess> Companions { get; }

    public ServerProcess Process { get; }

    public async Task PrepareAsync(string user, string password, CancellationToken ct)
    {
        var definitions = Path.Combine(_data, "definitions.json");
        DataFolder.WritePrivate(definitions, BrokerUser.Definitions([BrokerUser.Administrator(user, password), .. await _users(ct)]));
        DataFolder.WritePrivate(Path.Combine(_data, "rabbitmq.conf"), $"""
            listeners.tcp.1 = 127.0.0.1:{Port}
            load_definitions = {definitions}
            loopback_users = none
            log.file = false
            log.console = true
            log.console.level = warning
            log.connection.level = error
            log.console.use_colors = off
            """);
        await File.WriteAllTextAsync(Path.Combine(_data, "enabled_plugins"), "[].\n", ct);
        await File.WriteAllTextAsync(Path.Combine(_data, "rabbitmq-env.conf"), "# In place of the machine's own.\n", ct);

        // The shared secret of Erlang nodes.
        var cookie = Path.Combine(_data, ".erlang.cookie");
        if (!File.Exists(cookie))
        {
            DataFolder.WritePrivate(cookie, RandomNumberGenerator.GetHexString(40));
        }
    }
}
