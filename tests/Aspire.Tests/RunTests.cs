using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace EnvPlatform.Aspire.Tests;

/// <summary>An application run as a program of its own, ended in every way that programs end.</summary>
public sealed class RunTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("aspire-run-").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        var left = Machine.ProcessesOf(folder);
        foreach (var pid in left)
            Machine.Signal(pid, Machine.Kill);
        Directory.Delete(folder, recursive: true);
        Assert.That(left, Is.Empty, "processes left behind");
    }

    private sealed class Run(Process process) : IDisposable
    {
        private readonly List<string> lines = [];

        public int Id => process.Id;

        public string Output
        {
            get
            {
                lock (lines)
                    return string.Join('\n', lines);
            }
        }

        public static Run Start(string folder, params string[] args)
        {
            var info = new ProcessStartInfo("env") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
            // Where the tests are a background job of a script, SIGINT is ignored, and that is inherited.
            string[] all = ["--default-signal=INT,TERM", "dotnet", typeof(Projects.Aspire_SampleHost).Assembly.Location, "--Aspire:DataFolder", folder, .. args];
            foreach (var argument in all)
                info.ArgumentList.Add(argument);
            info.Environment["SAMPLE_RUN"] = folder;
            var run = new Run(new Process { StartInfo = info });
            run.Begin();
            return run;
        }

        public async Task<int> ExitAsync(CancellationToken ct)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(TimeSpan.FromSeconds(90));
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode;
        }

        public Task PrintedAsync(string text, CancellationToken ct) =>
            Machine.EventuallyAsync(() => Output.Contains(text), $"never printed: {text}", ct);

        public void Dispose() => process.Dispose();

        private void Begin()
        {
            DataReceivedEventHandler add = (_, e) =>
            {
                lock (lines)
                    lines.Add(e.Data ?? "");
            };
            process.OutputDataReceived += add;
            process.ErrorDataReceived += add;
            process.Start();
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }
    }

    [TestCase(Machine.Interrupt), TestCase(Machine.Terminate), CancelAfter(180_000)]
    public async Task A_signal_stops_everything_in_order(int signal, CancellationToken ct)
    {
        using var run = Run.Start(folder);
        await run.PrintedAsync("front    ready", ct);
        Assert.That(Machine.ProcessesOf(folder), Has.Length.GreaterThan(1));

        Machine.Signal(run.Id, signal);
        Assert.That(await run.ExitAsync(ct), Is.Zero, run.Output);
        Assert.That(Machine.ProcessesOf(folder), Is.Empty);
        Assert.That(run.Output, Does.Match("(?s)front +stopped.*back +stopped.*redis +stopped"));
    }

    [Test, CancelAfter(180_000)]
    public async Task Nothing_outlives_an_application_that_is_killed(CancellationToken ct)
    {
        using (var run = Run.Start(folder))
        {
            await run.PrintedAsync("front    ready", ct);
            Machine.Signal(run.Id, Machine.Kill);
            await run.ExitAsync(ct);
            await Machine.EventuallyAsync(() => Machine.ProcessesOf(folder).Length == 0, "processes are left", ct);
        }

        using var again = Run.Start(folder);
        await again.PrintedAsync("front    ready", ct);
        Machine.Signal(again.Id, Machine.Interrupt);
        Assert.That(await again.ExitAsync(ct), Is.Zero, again.Output);
    }

    [Test, CancelAfter(180_000)]
    public async Task A_failed_start_says_what_failed_and_why_and_stops_the_rest(CancellationToken ct)
    {
        using var run = Run.Start(folder, "--fail", "no such feed");
        Assert.That(await run.ExitAsync(ct), Is.EqualTo(1), run.Output);
        Assert.That(run.Output, Does.Match("'front' failed to start: exited with code 3").And.Contain("cannot start: no such feed"));
        Assert.That(run.Output, Does.Match("redis +stopped"));
        Assert.That(Machine.ProcessesOf(folder), Is.Empty);
    }

    [Test, CancelAfter(180_000)]
    public async Task A_port_in_use_is_reported_before_anything_starts(CancellationToken ct)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var run = Run.Start(folder, "--port", $"{port}");
        Assert.That(await run.ExitAsync(ct), Is.EqualTo(1));
        Assert.That(run.Output, Does.Contain($"Port {port}, which 'front' is to listen on, is in use").And.Not.Contain("redis"));
    }
}
