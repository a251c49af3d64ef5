using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

using EnvPlatform.Agent.Tests.Commands;

namespace EnvPlatform.Agent.Tests.Native;

/// <summary>A program on a terminal: util-linux's <c>script</c> provides it, the test reads the screen and types.</summary>
internal sealed partial class Terminal : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;

    private Terminal(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>All output so far, with the escapes.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
            {
                return _shown.ToString();
            }
        }
    }

    /// <summary>Starts a program of a machine on a terminal with that many columns.</summary>
    public static Terminal Start(UserMachine machine, int columns, string program, params string[] args)
    {
        var command = $"echo \"on $(tty).\"; stty cols {columns}; exec {string.Join(' ', args.Prepend(program).Select(Quoted))}";
        var start = machine.Start("script", "--quiet", "--return", "--command", command, "/dev/null");
        start.Environment["SHELL"] = "/bin/sh";
        start.Environment["TERM"] = "xterm-256color";
        return new Terminal(Process.Start(start)!);
    }

    /// <summary>Waits until the program shows a text.</summary>
    public Task ShowsAsync(string text) =>
        UntilAsync(() => Task.FromResult(Shown.Contains(text, StringComparison.Ordinal)), $"the program shows '{text}'");

    /// <summary>Waits until the terminal echoes nothing.</summary>
    public Task IsSilentAsync() => UntilAsync(
        async () =>
        {
            using var stty = Process.Start(new ProcessStartInfo("stty", ["-F", Device().Match(Shown).Groups["device"].Value, "-a"])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true
            })!;
            return (await stty.StandardOutput.ReadToEndAsync()).Contains(" -echo ", StringComparison.Ordinal);
        },
        "the terminal echoes nothing");

    public async Task TypeAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits for the end of the program.</summary>
    /// <returns>Its exit code, and what it showed.</returns>
    public async Task<(int ExitCode, string Shown)> EndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        await _reading;
        var shown = Shown;
        return (_process.ExitCode, shown[(Device().Match(shown) is { Success: true } match ? match.Index + match.Length : 0)..]);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new char[1_024];
        for (var read = await _process.StandardOutput.ReadAsync(buffer); read > 0; read = await _process.StandardOutput.ReadAsync(buffer))
        {
            lock (_shown)
            {
                _shown.Append(buffer, 0, read);
            }
        }
    }

    private async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience || (_process.HasExited && _reading.IsCompleted))
            {
                Assert.Fail($"Did not happen: {what}. Shown so far: {Shown}");
            }

            await Task.Delay(20);
        }
    }

    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"on (?<device>/dev/[\w/]+)\.\r?\n", RegexOptions.CultureInvariant)]
    private static partial Regex Device();
}
