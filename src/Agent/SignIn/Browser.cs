using System.ComponentModel;
using System.Diagnostics;

namespace EnvPlatform.Agent.SignIn;

/// <summary>The user's browser, as far as this session can open one.</summary>
internal static class Browser
{
    /// <summary>Whether there may be one: a desktop session of this machine, or a program named by <c>BROWSER</c>.</summary>
    public static bool IsThere(Surroundings surroundings)
    {
        if (surroundings["BROWSER"] is not null)
        {
            return true;
        }

        var remote = surroundings["SSH_CONNECTION"] is not null || surroundings["SSH_TTY"] is not null
            || surroundings["SSH_CLIENT"] is not null;
        var desktop = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() || surroundings["DISPLAY"] is not null
            || surroundings["WAYLAND_DISPLAY"] is not null;
        return desktop && !remote;
    }

    /// <summary>Opens an address, and ends when what opens it has ended, or at once where that is not known.</summary>
    /// <returns>False where it could not be opened.</returns>
    public static async Task<bool> OpenAsync(Uri address, Surroundings surroundings, CancellationToken ct)
    {
        try
        {
            using var process = Process.Start(StartOf(address, surroundings));
            if (process is null)
            {
                return true;
            }

            await process.WaitForExitAsync(ct);
            return process.ExitCode == 0;
        }
        catch (Exception failure) when (failure is Win32Exception or InvalidOperationException)
        {
            return false;
        }
    }

    private static ProcessStartInfo StartOf(Uri address, Surroundings surroundings)
    {
        if (OperatingSystem.IsWindows() && surroundings["BROWSER"] is null)
        {
            return new ProcessStartInfo(address.AbsoluteUri) { UseShellExecute = true };
        }

        string[] words = surroundings["BROWSER"] is { } named
            ? named.Split(Path.PathSeparator)[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : [OperatingSystem.IsMacOS() ? "open" : "xdg-open"];
        string[] args = [.. words.Skip(1).Select(word => word.Replace("%s", address.AbsoluteUri, StringComparison.Ordinal))];
        if (!words.Skip(1).Any(word => word.Contains("%s", StringComparison.Ordinal)))
        {
            args = [.. args, address.AbsoluteUri];
        }

        // What it prints belongs to no answer of this program.
        var start = new ProcessStartInfo(words.FirstOrDefault("xdg-open"), args)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in surroundings.Variables)
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
