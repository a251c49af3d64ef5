using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace EnvPlatform.Grpc.Tests;

/// <summary>
/// <c>@grpc/grpc-js</c> on Node.js, as the client or the server of <c>interop/</c>. Its packages are installed at first use; without Node.js
/// the tests are ignored, and fail in CI.
/// </summary>
internal sealed class NodePeer : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Folder = new(InstallAsync);

    private readonly Process _process;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _calls = new();
    private int _lastId;

    private NodePeer(Process process) => _process = process;

    /// <summary>The address of the server.</summary>
    public Uri Address { get; private set; } = null!;

    public static async Task<NodePeer> StartServerAsync()
    {
        var peer = await StartAsync("server.js");
        var port = await peer._process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
        peer.Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{int.Parse(port!, CultureInfo.InvariantCulture)}"));
        return peer;
    }

    public static async Task<NodePeer> StartClientAsync()
    {
        var peer = await StartAsync("client.js");
        _ = peer.ReadAnswersAsync();
        return peer;
    }

    /// <summary>Makes a call from the client; see <c>interop/client.js</c> for what it answers.</summary>
    public async Task<JsonElement> CallAsync(Uri address, string method, object? request = null, object? metadata = null, object? more = null)
    {
        var id = Interlocked.Increment(ref _lastId);
        var command = more is null ? [] : JsonSerializer.SerializeToNode(more)!.AsObject();
        command["id"] = id;
        command["address"] = address.Authority;
        command["method"] = method;
        command["request"] = JsonSerializer.SerializeToNode(request ?? new object());
        command["metadata"] = JsonSerializer.SerializeToNode(metadata ?? new object());
        var answer = _calls.GetOrAdd(id, _ => new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously));
        await _process.StandardInput.WriteLineAsync(command.ToJsonString());
        await _process.StandardInput.FlushAsync();
        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Ends the process without a word to its peers.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await _process.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            if (!_process.HasExited)
                await KillAsync();
        }

        _process.Dispose();
    }

    private static async Task<NodePeer> StartAsync(string script)
    {
        var start = new ProcessStartInfo("node", [script])
        {
            WorkingDirectory = await Folder.Value,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        return new NodePeer(Process.Start(start)!);
    }

    private static async Task<string> InstallAsync()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "EnvPlatform.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests run outside of the repository.");
        var interop = Path.Combine(folder.FullName, "tests", "Grpc.Tests", "interop");
        if (File.Exists(Path.Combine(interop, "node_modules", ".package-lock.json")))
            return interop;
        try
        {
            using var npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund"]) { WorkingDirectory = interop })!;
            await npm.WaitForExitAsync();
            if (npm.ExitCode == 0)
                return interop;
            Missing($"npm ci ended with {npm.ExitCode} in {interop}.");
        }
        catch (Win32Exception)
        {
            Missing("Node.js and npm are not installed.");
        }

        return interop;
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            Assert.Fail(reason);
        Assert.Ignore(reason);
    }

    private async Task ReadAnswersAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var answer = JsonSerializer.Deserialize<JsonElement>(line);
            if (_calls.TryRemove(answer.GetProperty("id").GetInt32(), out var call))
                call.SetResult(answer);
        }
    }
}
