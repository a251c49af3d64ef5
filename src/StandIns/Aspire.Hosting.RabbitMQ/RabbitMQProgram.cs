using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting;

/// <summary>
/// The machine's own RabbitMQ, run privately: own folders and settings, everything on loopback. The Erlang port mapper, of which a machine
/// normally has one that outlives its users, is started beside it on a port of its own and ends with it.
/// </summary>
internal sealed class RabbitMQProgram(RabbitMQServerResource server)
{
    // The scripts in /usr/sbin change the user; these do not.
    private static readonly string[] Folders = ["/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin"];

    private readonly int mapperPort = FreePorts.Next(), distributionPort = FreePorts.Next();

    public async Task<IReadOnlyList<ProgramStart>> PrepareAsync(ServerSetting setting, CancellationToken ct)
    {
        var program = Programs.Find("rabbitmq-server", "rabbitmq-server", Folders);
        var mapper = Programs.Find("epmd", "erlang-base");
        var data = setting.Folder.For(setting.Name, setting.KeepData);
        var settings = Path.Combine(data, "rabbitmq.conf");
        DataFolder.WritePrivate(settings, $"""
            listeners.tcp.1 = 127.0.0.1:{server.PrimaryEndpoint.Port}
            default_user = {await server.UserName.GetValueAsync(ct)}
            default_pass = {await server.PasswordParameter.GetValueAsync(ct)}
            loopback_users = none
            log.file = false
            log.console = true
            log.console.level = warning
            log.connection.level = error
            log.console.use_colors = off
            """);
        var plugins = Path.Combine(data, "enabled_plugins");
        await File.WriteAllTextAsync(plugins, "[].\n", ct);
        var defaults = Path.Combine(data, "rabbitmq-env.conf");
        await File.WriteAllTextAsync(defaults, "# In place of the machine's own.\n", ct);
        WriteCookie(data);

        var environment = new Dictionary<string, string>
        {
            ["HOME"] = data,
            ["LANG"] = "C.UTF-8",
            ["ERL_EPMD_PORT"] = mapperPort.ToString(),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_FLAGS"] = "-start_epmd false",
            ["RABBITMQ_NODENAME"] = "rabbit@localhost",
            ["RABBITMQ_DIST_PORT"] = distributionPort.ToString(),
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
            ["RABBITMQ_CONF_ENV_FILE"] = defaults,
            ["RABBITMQ_CONFIG_FILE"] = settings,
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(data, "advanced.config"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = plugins,
            ["RABBITMQ_LOG_BASE"] = data,
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(data, "mnesia"),

            // With input allowed, the script becomes the server instead of watching over it.
            ["RABBITMQ_ALLOW_INPUT"] = "1",
            ["RABBITMQ_SERVER_START_ARGS"] = "-noinput",
        };
        return
        [
            new ProgramStart(mapper, ["-port", mapperPort.ToString(), "-address", "127.0.0.1"]) { WorkingDirectory = data },
            new ProgramStart(program) { WorkingDirectory = data, Environment = environment },
        ];
    }

    /// <summary>The secret that Erlang nodes know each other by.</summary>
    private static void WriteCookie(string home)
    {
        var path = Path.Combine(home, ".erlang.cookie");
        if (!File.Exists(path))
            DataFolder.WritePrivate(path, RandomNumberGenerator.GetHexString(40));
    }
}
