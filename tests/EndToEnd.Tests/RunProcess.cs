using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>The program that <c>./run</c> starts, as a process of its own with data of its own.</summary>
internal sealed partial class RunProcess : IDisposable
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>Inherited by everything that the program starts.</summary>
    private const string Marker = "ENVPLATFORM_TEST_RUN";

    private readonly List<string> _lines = [];
    private readonly string _mark;
    private readonly string _data;
    private readonly Process _process;

    private RunProcess(Process process, string mark, string data) => (_process, _mark, _data) = (process, mark, data);

    public string Output
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <param name="data">The data folder.</param>
    /// <param name="environment">Variables for it, and so for every process of the platform.</param>
    /// <param name="arguments">More of its options.</param>
    public static RunProcess Start(string data, IReadOnlyDictionary<string, string>? environment = null, params string[] arguments)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(own.Parent!.Parent!.FullName, "AppHost", own.Name, "EnvPlatform.AppHost.dll");

        // Where the tests are a background job of a script, SIGINT is ignored, and that is inherited.
        string[] all = ["--default-signal=INT,TERM", "dotnet", program, "--data", data, .. arguments];
        var info =
            new ProcessStartInfo("env", all) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        var mark = Guid.CreateVersion7().ToString("N");
        info.Environment[Marker] = mark;
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            info.Environment[name] = value;
        }

        var run = new RunProcess(new Process { StartInfo = info }, mark, data);
        run.Begin();
        return run;
    }

    public void Signal(int signal) => Assert.That(SendSignal(_process.Id, signal), Is.Zero, $"kill -{signal}");

    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Waits until it has printed something; fails when it ends before.</summary>
    public Task PrintsAsync(string text) =>
        Eventually.BecomesTrueAsync(
            () =>
            {
                Assert.That(!_process.HasExited || Output.Contains(text, StringComparison.Ordinal), Is.True,
                    $"ended before it printed {text}: {Output}");
                return Task.FromResult(Output.Contains(text, StringComparison.Ordinal));
            },
            $"{text} is printed", seconds: 240);

    /// <summary>The processes that it started and that are still running, including itself.</summary>
    public IReadOnlyList<(int Pid, string Command)> Processes() =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _))
            .Where(name => IsOurs($"/proc/{name}"))
            .Select(name => (int.Parse(name!, CultureInfo.InvariantCulture), Read($"/proc/{name}/cmdline").Replace('\0', ' '))),
    ];

    /// <summary>The variables of a process, as they were when it started.</summary>
    public static string[] EnvironmentOf(int pid) => Read($"/proc/{pid}/environ").Split('\0');

    public Task NothingIsLeftAsync() =>
        Eventually.BecomesTrueAsync(() => Task.FromResult(Processes().Count == 0), "no process is left", seconds: 60);

    public void Dispose()
    {
        foreach (var (pid, _) in Processes())
        {
            _ = SendSignal(pid, Kill);
        }

        _process.Dispose();
    }

    /// <summary>By the marker; servers that overwrite their environment with a title are recognised by their working directory.</summary>
    private bool IsOurs(string process) =>
        Read(Path.Combine(process, "environ")).Contains($"{Marker}={_mark}", StringComparison.Ordinal)
        || FolderOf(process).StartsWith(_data + "/", StringComparison.Ordinal);

    private static string FolderOf(string process)
    {
        try
        {
            return new FileInfo(Path.Combine(process, "cwd")).LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // The process has just ended.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);

    private void Begin()
    {
        void Add(object sender, DataReceivedEventArgs e)
        {
            lock (_lines)
            {
                _lines.Add(e.Data ?? "");
            }
        }

        _process.OutputDataReceived += Add;
        _process.ErrorDataReceived += Add;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }
}
