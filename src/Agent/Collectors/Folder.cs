namespace EnvPlatform.Agent.Collectors;

/// <summary>Lists and reads what may be closed to this user or broken, and tells that from what is not there.</summary>
internal static class Folder
{
    /// <summary>The entries of a folder in ordinal order; none where there is no such folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="trouble">Why it cannot be listed although it is there; null where it can, and where it is not there.</param>
    public static FileSystemInfo[] List(string path, out string? trouble)
    {
        trouble = null;
        try
        {
            var entries = new DirectoryInfo(path).GetFileSystemInfos();
            Array.Sort(entries, (a, b) => string.CompareOrdinal(a.Name, b.Name));
            return entries;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            trouble = IsBelowFile(path) ? null : failure.Message;
            return [];
        }
    }

    /// <summary>The result of reading a file; the default where there is no such file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="read">Reads it, to the end.</param>
    /// <param name="trouble">Why it cannot be read although it is there; null where it can, and where it is not there.</param>
    public static T? Read<T>(string file, Func<string, T> read, out string? trouble)
    {
        trouble = null;
        try
        {
            return read(file);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return default;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            trouble = IsBelowFile(Path.GetDirectoryName(file)) ? null : failure.Message;
            return default;
        }
    }

    private static bool IsBelowFile(string? path)
    {
        for (; path is not null; path = Path.GetDirectoryName(path))
        {
            // Of a link that cannot be followed, too, it is said that the file exists.
            if (File.Exists(path) && new FileInfo(path).LinkTarget is null)
            {
                return true;
            }
        }

        return false;
    }
}
