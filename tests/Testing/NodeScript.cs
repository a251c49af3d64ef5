using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>A script of Node.js beside the tests, with the packages that its lock file names.</summary>
/// <param name="path">Its folder, from that of the tests.</param>
public sealed class NodeScript(string path, string script)
{
    /// <summary>Several scripts share the packages of a folder.</summary>
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Folders = new(StringComparer.Ordinal);

    /// <returns>What it prints for the lines.</returns>
    public async Task<string> RunAsync(string lines)
    {
        using var node = Process.Start(new ProcessStartInfo("node", [script])
        {
            WorkingDirectory = await Folders.GetOrAdd(path, new Lazy<Task<string>>(() => InstallAsync(path))).Value,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        var (answer, error) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        await node.StandardInput.WriteLineAsync(lines);
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        Assert.That(node.ExitCode, Is.Zero, await error);
        return (await answer).Trim();
    }

    /// <summary>A script that goes on running; it is told on its standard input, and ends when that is closed.</summary>
    public async Task<Process> StartAsync(params string[] arguments) => Process.Start(new ProcessStartInfo("node", [script, .. arguments])
    {
        WorkingDirectory = await Folders.GetOrAdd(path, new Lazy<Task<string>>(() => InstallAsync(path))).Value,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        UseShellExecute = false,
    })!;

    private static async Task<string> InstallAsync(string path)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "EnvPlatform.sln")))
        {
            root = root.Parent ?? throw new DirectoryNotFoundException("The tests run outside of the repository.");
        }

        var folder = Path.Combine([root.FullName, "tests", .. path.Split('/')]);
        var installed = new FileInfo(Path.Combine(folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
        {
            return folder;
        }

        try
        {
            using var npm = Process.Start(
                new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]) { WorkingDirectory = folder })!;
            await npm.WaitForExitAsync();
            if (npm.ExitCode == 0)
            {
                return folder;
            }

            Missing($"npm ci ended with {npm.ExitCode} in {folder}.");
        }
        catch (Win32Exception)
        {
            Missing("Node.js and npm are not installed.");
        }

        return folder;
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
    }
}
