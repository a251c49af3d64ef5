using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

using EnvPlatform.LocalServers;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>The platform as an operator runs it: started, stopped, killed, started with errors, and two side by side.</summary>
public sealed class RunTests
{
    private const string Ready = "EnvPlatform is ready.";
    private string _folder = "";

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("envplatform-run-").FullName;
        File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Two_platforms_run_beside_each_other_and_end_on_a_signal()
    {
        using var one = RunProcess.Start(Data("one"), null, Port(), "--dashboard", "false");
        await one.PrintsAsync(Ready);
        Assert.That(one.Output, Does.Contain(Password("one")), "the first start shows how to sign in");
        await CallsItselfAsItPrintsAsync(one);

        using (var same = RunProcess.Start(Data("one"), null, Port(), "--dashboard", "false"))
        {
            Assert.That(await same.ExitAsync(), Is.EqualTo(1));
            Assert.That(same.Output, Does.Contain("is in use by another running platform"));
        }

        await NobodyElseCanReadAsync(Data("one"));
        Assert.That(ExporterOf(one), Is.Null, "without a dashboard nothing is sent to where it would listen");
        var collector = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9" };
        using var other = RunProcess.Start(Data("other"), collector, Port(), "--dashboard", "false");
        await other.PrintsAsync(Ready);
        Assert.That(ExporterOf(other), Is.EqualTo("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9"), "an operator's own collector is used");
        one.Signal(RunProcess.Interrupt);
        other.Signal(RunProcess.Terminate);
        Assert.That(await one.ExitAsync(), Is.Zero, one.Output);
        Assert.That(one.Processes(), Is.Empty, "it returns when all processes have ended");
        Assert.That(await other.ExitAsync(), Is.Zero, other.Output);
        Assert.That(other.Processes(), Is.Empty);
        Assert.That(Path.Combine(Data("one"), "logs", "scanner.log"), Does.Exist);
    }

    /// <summary>Programs sign in only to a platform that calls itself as they were told (RFC 8414).</summary>
    private static async Task CallsItselfAsItPrintsAsync(RunProcess run)
    {
        var line = run.Output.Split('\n').Single(line => line.TrimStart().StartsWith("Address ", StringComparison.Ordinal));
        var address = line.Trim()["Address ".Length..].Trim();
        using var http = new HttpClient();
        var found = await http.GetFromJsonAsync<JsonElement>(new Uri($"{address}/.well-known/oauth-authorization-server"));
        Assert.That(found.GetProperty("issuer").GetString()!.TrimEnd('/'), Is.EqualTo(address));
    }

    [Test]
    public async Task Nothing_outlives_a_platform_that_is_killed_and_its_data_serve_the_next()
    {
        using (var interrupted = RunProcess.Start(Data("one"), null, Port(), "--dashboard", "false"))
        {
            // Somewhere in the middle of the start: a server runs, the services do not yet.
            await Testing.Eventually.BecomesTrueAsync(
                () => Task.FromResult(
                    interrupted.Processes().Any(process => process.Command.Contains("redis-server 127", StringComparison.Ordinal))),
                "Redis runs", seconds: 120);
            interrupted.Signal(RunProcess.Interrupt);
            Assert.That(await interrupted.ExitAsync(), Is.Zero, interrupted.Output);
            Assert.That(interrupted.Processes(), Is.Empty);
        }

        using (var killed = RunProcess.Start(Data("one"), null, Port(), "--dashboard", "false"))
        {
            await killed.PrintsAsync(Ready);
            killed.Signal(RunProcess.Kill);
            await killed.ExitAsync();
            await killed.NothingIsLeftAsync();
        }

        using var again = RunProcess.Start(Data("one"), null, Port(), "--dashboard", "false");
        await again.PrintsAsync(Ready);
        Assert.That(again.Output, Does.Contain("bootstrap.json"), "later starts name the file");
        Assert.That(again.Output, Does.Not.Contain(Password("one")), "and do not show its content");
        again.Signal(RunProcess.Interrupt);
        Assert.That(await again.ExitAsync(), Is.Zero, again.Output);
    }

    [Test]
    public async Task A_failed_start_says_what_failed_and_why_and_stops_the_rest()
    {
        using var run = RunProcess.Start(
            Data("one"), new Dictionary<string, string> { ["Feeds__StaleHours"] = "-1" }, Port(), "--dashboard", "false");
        Assert.That(await run.ExitAsync(), Is.EqualTo(1), run.Output);
        Assert.That(run.Output, Does.Match("scanner ended with exit code -?[0-9]+ before the platform was ready"));
        Assert.That(run.Output, Does.Contain("StaleHours"));
        Assert.That(run.Processes(), Is.Empty);
    }

    [Test]
    public async Task What_cannot_be_done_is_refused_before_anything_starts()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await RefusedAsync(64, $"Port {port} is in use", "--port", $"{port}");
        await RefusedAsync(64, "--instances must be a number from 1 to 8", "--instances", "9");
        await RefusedAsync(64, "--dashboard must be true or false", "--dashboard", "perhaps");
        await RefusedAsync(1, "neither docker nor podman answers", "--containers", "true", Port());
    }

    /// <summary>Tries every file and folder of a running platform as the user who has no rights, who may guess each name.</summary>
    private static async Task NobodyElseCanReadAsync(string data)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return; // Only root can become somebody else.
        }

        string[] asNobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c"];
        using var shell = Process.Start(new ProcessStartInfo(
            "setpriv", [.. asNobody, """while read -r path; do if [ -r "$path" ] || [ -w "$path" ]; then echo "$path"; fi; done"""])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var found = shell.StandardOutput.ReadToEndAsync();
        var tried = 0;
        foreach (var path in Directory.EnumerateFileSystemEntries(data, "*", SearchOption.AllDirectories).Prepend(data))
        {
            await shell.StandardInput.WriteLineAsync(path);
            tried++;
        }

        shell.StandardInput.Close();
        Assert.That(await found, Is.Empty, "what others can read or write");
        Assert.That(tried, Is.GreaterThan(100), "the servers' data were there");
        await shell.WaitForExitAsync();
    }

    private static string? ExporterOf(RunProcess run)
    {
        var gateway = run.Processes().Single(process => process.Command.Contains("EnvPlatform.Gateway", StringComparison.Ordinal));
        return RunProcess.EnvironmentOf(gateway.Pid)
            .SingleOrDefault(variable => variable.StartsWith("OTEL_EXPORTER_OTLP_ENDPOINT=", StringComparison.Ordinal));
    }

    private static string Port() => $"--port={FreePorts.Next()}";

    private string Data(string name) => Path.Combine(_folder, name);

    private string Password(string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(Data(name), "bootstrap.json"))).RootElement.GetProperty("password").GetString()!;

    private async Task RefusedAsync(int code, string message, params string[] arguments)
    {
        // An engine that does not answer, also on a machine that has one.
        var noEngine =
            new Dictionary<string, string> { ["DOCKER_HOST"] = "unix:///nowhere.sock", ["CONTAINER_HOST"] = "unix:///nowhere.sock" };
        using var run = RunProcess.Start(Data("refused"), noEngine, arguments);
        Assert.That(await run.ExitAsync(), Is.EqualTo(code), run.Output);
        Assert.That(run.Output, Does.Contain(message));
        Assert.That(run.Processes(), Is.Empty);
    }
}
