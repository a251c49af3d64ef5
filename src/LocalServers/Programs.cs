using System.Diagnostics;

namespace EnvPlatform.LocalServers;

/// <summary>Finds the machine's programs, and runs those that end by themselves.</summary>
internal static class Programs
{
    /// <param name="name">The program's file name.</param>
    /// <param name="package">The Debian package that contains it, for the message.</param>
    /// <param name="folders">Searched before the folders of PATH.</param>
    /// <exception cref="LocalServerException">It is not installed.</exception>
    public static string Find(string name, string package, params IEnumerable<string> folders) =>
        folders.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')).Concat(["/usr/bin", "/usr/sbin"])
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists)
        ?? throw new LocalServerException($"{name} is not installed. On Debian and Ubuntu: apt-get install {package}");

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="LocalServerException">It ended with an exit code other than 0; the message contains its output.</exception>
    public static async Task RunAsync(string program, IEnumerable<string> arguments, CancellationToken ct, bool utf8 = false)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        if (utf8)
        {
            info.Environment["LC_ALL"] = "C.UTF-8";
        }

        using var process = Process.Start(info)!;
        var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
        await process.WaitForExitAsync(ct);
        var printed = string.Concat(await output).Trim();
        if (process.ExitCode != 0)
        {
            throw new LocalServerException($"{Path.GetFileName(program)} ended with exit code {process.ExitCode}: {printed}");
        }
    }
}
