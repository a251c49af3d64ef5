using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Aspire.Hosting.Processes;

internal enum Signal
{
    Int = 2,
    Quit = 3,
    Kill = 9,
    Term = 15,
}

/// <summary>How to start and to stop a program.</summary>
internal sealed record ProgramStart(string FileName, params IReadOnlyList<string> Arguments)
{
    public required string WorkingDirectory { get; init; }
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the program sees this process's own variables too.</summary>
    public bool InheritEnvironment { get; init; }

    /// <summary>Another user to run as, which only root can ask for; null for the own one.</summary>
    public string? User { get; init; }

    /// <summary>Asks the program to finish.</summary>
    public Signal StopSignal { get; init; } = Signal.Term;

    /// <summary>What the program gets when this process dies without having stopped it.</summary>
    public Signal OrphanSignal { get; init; } = Signal.Kill;
}

/// <summary>
/// A running program: in a session of its own, so that Ctrl-C in the terminal reaches the application only, which then stops the programs in
/// order; its output in a log file; and sent a signal by the kernel should this process die (prctl(2), PR_SET_PDEATHSIG).
/// </summary>
internal sealed partial class ChildProcess : IDisposable
{
    // The kernel's "parent" is the thread that forked, so one thread that lives as long as the process starts them all.
    private static readonly BlockingCollection<Action> Launches = StartLauncher();

    private readonly Process process;
    private readonly ProgramStart start;
    private readonly string log;
    private readonly long logStart;

    private ChildProcess(Process process, ProgramStart start, string log, long logStart) =>
        (this.process, this.start, this.log, this.logStart) = (process, start, log, logStart);

    public int Id => process.Id;
    public bool HasExited => process.HasExited;

    /// <summary>128 and the signal's number after a death by signal.</summary>
    public int ExitCode => process.ExitCode;

    public static async Task<ChildProcess> StartAsync(ProgramStart start, string log)
    {
        var info = new ProcessStartInfo("/bin/sh") { WorkingDirectory = start.WorkingDirectory, UseShellExecute = false };
        if (!start.InheritEnvironment)
        {
            info.Environment.Clear();
            info.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        }

        foreach (var (name, value) in start.Environment)
            info.Environment[name] = value;

        // Every link of the chain replaces the one before it, so that the id is the program's own.
        string[] asUser = start.User is { } user ? ["--reuid", user, "--regid", user, "--init-groups"] : [];
        string[] arguments =
        [
            "-c", "exec >>\"$0\" 2>&1 </dev/null; exec \"$@\"", log,
            "setsid", "setpriv", .. asUser, "--pdeathsig", start.OrphanSignal.ToString().ToUpperInvariant(), "--",
            start.FileName, .. start.Arguments,
        ];
        foreach (var argument in arguments)
            info.ArgumentList.Add(argument);

        var begin = File.Exists(log) ? new FileInfo(log).Length : 0;
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Launches.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                started.SetException(new DistributedApplicationException($"Cannot start {start.FileName}: {e.Message}", e));
            }
        });
        return new ChildProcess(await started.Task, start, log, begin);
    }

    /// <summary>Runs a program that ends by itself.</summary>
    /// <exception cref="DistributedApplicationException">It ended with another code than 0.</exception>
    public static async Task RunAsync(ProgramStart start, string log, CancellationToken ct)
    {
        using var child = await StartAsync(start, log);
        try
        {
            await child.WaitForExitAsync(ct);
        }
        finally
        {
            await child.StopAsync(TimeSpan.Zero);
        }

        if (child.ExitCode != 0)
            throw new DistributedApplicationException($"{Path.GetFileName(start.FileName)} exited with code {child.ExitCode}.");
    }

    public Task WaitForExitAsync(CancellationToken ct) => process.WaitForExitAsync(ct);

    /// <summary>Asks the program to end, and after the patience makes it, along with what it has started.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        if (!process.HasExited && patience > TimeSpan.Zero)
        {
            _ = Kill(process.Id, (int)start.StopSignal);
            using var timeout = new CancellationTokenSource(patience);
            try
            {
                await process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                // Its time is up.
            }
        }

        _ = Kill(-process.Id, (int)Signal.Kill);
        await process.WaitForExitAsync();
    }

    /// <summary>The last lines that this run of the program has written.</summary>
    public string LogTail(int lines) => Tail(log, logStart, lines);

    public static string Tail(string log, long from, int lines)
    {
        if (!File.Exists(log))
            return "";

        using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = Math.Min(Math.Max(from, stream.Length - 64 * 1024), stream.Length);
        using var reader = new StreamReader(stream);
        return string.Join('\n', reader.ReadToEnd().TrimEnd().Split('\n').TakeLast(lines));
    }

    public void Dispose() => process.Dispose();

    private static BlockingCollection<Action> StartLauncher()
    {
        var launches = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var launch in launches.GetConsumingEnumerable())
                launch();
        })
        { IsBackground = true, Name = "Launcher" }.Start();
        return launches;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
