using System.Globalization;

namespace EnvPlatform.LocalServers;

/// <summary>
/// The machine's own PostgreSQL, run privately: TCP on loopback, no socket file, passwords by SCRAM. PostgreSQL refuses to run as root, so
/// root runs it as the user <c>postgres</c>, without a process in between.
/// </summary>
public sealed class PostgresProgram : ILocalServer
{
    private const string User = "postgres";
    private static readonly TimeSpan OldServerPatience = TimeSpan.FromSeconds(30);
    private readonly DataFolder _folder;
    private readonly string _name;
    private readonly bool _keep;
    private readonly string _bin;
    private readonly string _data;

    /// <param name="folder">Where the data are kept.</param>
    /// <param name="name">Of the server's own folder.</param>
    /// <param name="keep">False for temporary data: they are not flushed to disk.</param>
    public PostgresProgram(DataFolder folder, string name, bool keep)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (_folder, _name, _keep) = (folder, name, keep);
        var program = Programs.Find("postgres", "postgresql", Folders());
        _bin = Path.GetDirectoryName(program)!;
        _data = ReachableFolder();
        Port = FreePorts.Next();
        List<string> settings =
        [
            $"port={Port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "password_encryption=scram-sha-256",
            "max_connections=300", "shared_buffers=256MB", "max_wal_size=2GB", "log_min_messages=warning",
            "log_timezone=UTC", "timezone=UTC",
        ];
        if (!keep)
        {
            settings.Add("fsync=off");
        }

        string[] arguments = ["-D", _data, .. settings.SelectMany(setting => new[] { "-c", setting })];
        var (command, all) = AsOwner(program, arguments);
        Process = new(command, all, _data, new Dictionary<string, string> { ["LC_ALL"] = "C.UTF-8" });
    }

    public int Port { get; }

    public IReadOnlyDictionary<string, ServerProcess> Companions { get; } = new Dictionary<string, ServerProcess>();

    public ServerProcess Process { get; }

    public async Task PrepareAsync(string user, string password, CancellationToken ct)
    {
        if (!File.Exists(Path.Combine(_data, "PG_VERSION")))
        {
            await InitializeAsync(user, password, ct);
        }

        await WaitForOldServerAsync(ct);
    }

    /// <summary>
    /// A fast shutdown. On SIGTERM PostgreSQL would wait until its last client has disconnected, and be killed meanwhile.
    /// </summary>
    public async Task EndAsync(CancellationToken ct)
    {
        var (command, arguments) = AsOwner(Path.Combine(_bin, "pg_ctl"), ["stop", "-D", _data, "-m", "fast", "--silent"]);
        try
        {
            await Programs.RunAsync(command, arguments, ct);
        }
        catch (LocalServerException)
        {
            // It is not running.
        }
    }

    /// <summary>Debian keeps the servers of each major version apart from the user commands; the newest is used.</summary>
    private static IEnumerable<string> Folders() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(
                    folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];

    private static (string Command, string[] Arguments) AsOwner(string program, string[] arguments) =>
        Environment.IsPrivilegedProcess
            ? (Programs.Find("setpriv", "util-linux"), [$"--reuid={User}", $"--regid={User}", "--init-groups", program, .. arguments])
            : (program, arguments);

    /// <summary>A folder that the server's user owns and can reach.</summary>
    private string ReachableFolder()
    {
        var data = _folder.For(_name, _keep);
        if (!Environment.IsPrivilegedProcess)
        {
            return data;
        }

        Run("chown", [$"{User}:", data]);
        try
        {
            var (command, arguments) = AsOwner(Programs.Find("test", "coreutils"), ["-w", data]);
            Run(command, arguments);
            return data;
        }
        catch (LocalServerException)
        {
            data = _folder.ForOutside(_name, _keep);
            Run("chown", [$"{User}:", data]);
            return data;
        }

        static void Run(string program, string[] arguments) =>
            Programs.RunAsync(program, arguments, CancellationToken.None).GetAwaiter().GetResult();
    }

    private async Task InitializeAsync(string user, string password, CancellationToken ct)
    {
        // initdb refuses the remains of an earlier attempt.
        foreach (var entry in Directory.EnumerateFileSystemEntries(_data).ToArray())
        {
            if (Directory.Exists(entry))
            {
                Directory.Delete(entry, recursive: true);
            }
            else
            {
                File.Delete(entry);
            }
        }

        var file = _data + ".password";
        DataFolder.WritePrivate(file, password);
        try
        {
            if (Environment.IsPrivilegedProcess)
            {
                await Programs.RunAsync("chown", [$"{User}:", file], ct);
            }

            var (command, arguments) = AsOwner(
                Path.Combine(_bin, "initdb"),
                [
                    "-D", _data, "-U", user, "--pwfile", file, "--auth=scram-sha-256", "--encoding=UTF8",
                    "--locale=C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions",
                ]);
            await Programs.RunAsync(command, arguments, ct, utf8: true);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>
    /// After a crash of the platform its server may still be shutting down; a second one on the same data would refuse to start.
    /// </summary>
    private async Task WaitForOldServerAsync(CancellationToken ct)
    {
        var pidFile = Path.Combine(_data, "postmaster.pid");
        using var patience = new CancellationTokenSource(OldServerPatience);
        while (File.Exists(pidFile) && !patience.IsCancellationRequested)
        {
            var pid = File.ReadLines(pidFile).FirstOrDefault();
            if (!File.Exists($"/proc/{pid}/comm")
                || !(await File.ReadAllTextAsync($"/proc/{pid}/comm", ct)).StartsWith("postgres", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
        }
    }
}
