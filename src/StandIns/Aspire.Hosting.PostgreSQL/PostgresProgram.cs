using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting;

/// <summary>The machine's own PostgreSQL, run privately: own folder, TCP on loopback, no socket file, passwords by SCRAM.</summary>
internal static class PostgresProgram
{
    private static readonly TimeSpan OldServerPatience = TimeSpan.FromSeconds(10);

    public static async Task<IReadOnlyList<ProgramStart>> PrepareAsync(PostgresServerResource server, ServerSetting setting, CancellationToken ct)
    {
        var postgres = Programs.Find("postgres", "postgresql", Folders());
        var user = Environment.IsPrivilegedProcess ? "postgres" : null;
        var data = await DataAsync(setting, user, ct);
        if (!File.Exists(Path.Combine(data, "PG_VERSION")))
            await InitializeAsync(server, setting, Path.GetDirectoryName(postgres)!, data, user, ct);
        await WaitForOldServerAsync(data, ct);

        List<string> settings =
        [
            $"port={server.PrimaryEndpoint.Port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "password_encryption=scram-sha-256",
            "max_connections=300", "shared_buffers=256MB", "max_wal_size=2GB", "log_min_messages=warning", "log_timezone=UTC", "timezone=UTC",
        ];

        // Data that go with the application need not survive the machine.
        if (!setting.KeepData)
            settings.Add("fsync=off");

        return
        [
            new ProgramStart(postgres, ["-D", data, .. settings.SelectMany(s => new[] { "-c", s })])
            {
                WorkingDirectory = data, User = user, StopSignal = Signal.Int, OrphanSignal = Signal.Quit, Environment = Locale,
            },
        ];
    }

    private static Dictionary<string, string> Locale => new() { ["LC_ALL"] = "C.UTF-8" };

    /// <summary>Debian keeps the servers of each major version apart from the commands for users; the newest is taken.</summary>
    private static IEnumerable<string> Folders() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];

    /// <summary>PostgreSQL refuses to run as root, so its own user must own its folder and be able to get there.</summary>
    private static async Task<string> DataAsync(ServerSetting setting, string? user, CancellationToken ct)
    {
        var data = setting.Folder.For(setting.Name, setting.KeepData);
        if (user is null)
            return data;

        await RunAsync("chown", [$"{user}:", data]);
        try
        {
            await RunAsync("test", ["-w", data], user);
            return data;
        }
        catch (DistributedApplicationException)
        {
            data = setting.Folder.ForOutside(setting.Name, setting.KeepData);
            await RunAsync("chown", [$"{user}:", data]);
            return data;
        }

        Task RunAsync(string program, string[] arguments, string? user = null) =>
            ChildProcess.RunAsync(new ProgramStart(program, arguments) { WorkingDirectory = "/", User = user }, setting.Log, ct);
    }

    private static async Task InitializeAsync(
        PostgresServerResource server, ServerSetting setting, string bin, string data, string? user, CancellationToken ct)
    {
        var password = data + ".password";
        DataFolder.WritePrivate(password, (await server.PasswordParameter.GetValueAsync(ct))!);
        try
        {
            if (user is not null)
                await RunAsync("chown", [$"{user}:", password]);
            string[] initdb =
            [
                "-D", data, "-U", (await server.UserName.GetValueAsync(ct))!, "--pwfile", password, "--auth=scram-sha-256", "--encoding=UTF8",
                "--locale=C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions",
            ];
            await RunAsync(Path.Combine(bin, "initdb"), initdb, user);
        }
        finally
        {
            File.Delete(password);
        }

        Task RunAsync(string program, string[] arguments, string? user = null) => ChildProcess.RunAsync(
            new ProgramStart(program, arguments) { WorkingDirectory = "/", User = user, Environment = Locale }, setting.Log, ct);
    }

    /// <summary>After a sudden end of the application its server may be about to end too; a second one on the same data would refuse to start.</summary>
    private static async Task WaitForOldServerAsync(string data, CancellationToken ct)
    {
        var pidFile = Path.Combine(data, "postmaster.pid");
        using var patience = new CancellationTokenSource(OldServerPatience);
        while (File.Exists(pidFile) && !patience.IsCancellationRequested)
        {
            var pid = File.ReadLines(pidFile).FirstOrDefault();
            if (!File.Exists($"/proc/{pid}/comm") || !File.ReadAllText($"/proc/{pid}/comm").StartsWith("postgres", StringComparison.Ordinal))
                return;

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
        }
    }
}
