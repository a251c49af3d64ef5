namespace EnvPlatform.Agent;

/// <summary>Files that only their owner may read: mode 0600 in folders of mode 0700 (on Windows, below the user's profile).</summary>
internal static class PrivateFile
{
    /// <summary>Replaces the file as a whole: a reader sees the old content or the new, even when the process dies in between.</summary>
    /// <param name="durable">Whether the content must have reached the disk before this returns.</param>
    /// <exception cref="AgentException">The place cannot be written.</exception>
    public static void Write(string file, ReadOnlySpan<byte> content, bool durable = false)
    {
        var next = $"{file}.{Environment.ProcessId}";
        try
        {
            CreateFolderOf(file);
            File.Delete(next);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var stream = new FileStream(next, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: durable);
            }

            File.Move(next, file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(
                $"{file} cannot be written ({failure.Message}): make its folder writable, or pass the settings by environment variables.");
        }
    }

    /// <summary>Creates the folder of a file, for its owner only, where there is none.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public static void CreateFolderOf(string file)
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
    }
}
