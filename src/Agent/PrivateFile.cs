namespace EnvPlatform.Agent;

/// <summary>Files that only their owner may read: mode 0600 in folders of mode 0700 (on Windows, below the user's profile).</summary>
internal static class PrivateFile
{
    /// <summary>Replaces the file as a whole: a reader sees the old content or the new, even when the process dies in between.</summary>
    /// <exception cref="AgentException">The place cannot be written.</exception>
    public static void Write(string file, ReadOnlySpan<byte> content)
    {
        var next = $"{file}.{Environment.ProcessId}";
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            File.Delete(next);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var stream = new FileStream(next, options))
            {
                stream.Write(content);
            }

            File.Move(next, file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(
                $"{file} cannot be written ({failure.Message}): make its folder writable, or pass the settings by environment variables.");
        }
    }
}
