using System.Text.Json;

using EnvPlatform.LocalServers;
using EnvPlatform.Servers;

// Runs private PostgreSQL, RabbitMQ and Redis for tests. The first line of the output is JSON with their connection strings, or with what
// failed. They end, and their data are deleted, when the standard input ends: when the parent process has ended, however it did.
var path = Directory.CreateTempSubdirectory("envplatform-test-servers-").FullName;
File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
try
{
    using var folder = DataFolder.Open(path);
    await using var servers = new RunningServers(folder);
    using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
    try
    {
        await servers.StartAsync(patience.Token);
        Console.WriteLine(JsonSerializer.Serialize(new { servers.Postgres, servers.RabbitMq, servers.Redis }));
    }
    catch (Exception e) when (e is LocalServerException or OperationCanceledException)
    {
        Console.WriteLine(JsonSerializer.Serialize(new { Failure = e.Message }));
        return 1;
    }

    // Ctrl-C reaches every process of the terminal; the one that started this decides.
    Console.CancelKeyPress += (_, press) => press.Cancel = true;
    await Console.In.ReadToEndAsync();
    return 0;
}
finally
{
    Directory.Delete(path, recursive: true);
}
