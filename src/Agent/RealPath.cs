namespace EnvPlatform.Agent;

/// <summary>
/// Paths with their symbolic links (on Windows, junctions too) resolved: one folder is one environment, whichever way leads to it.
/// </summary>
internal static class RealPath
{
    /// <summary>As many as Linux follows; then a chain of links counts as endless.</summary>
    private const int MostLinks = 40;

    /// <summary>
    /// The absolute path without links. Where a folder on the way does not exist or cannot be read, it and what follows stay as they are.
    /// </summary>
    public static string Of(string path)
    {
        var left = MostLinks;
        return Resolve(Path.GetFullPath(path), ref left);
    }

    private static string Resolve(string path, ref int left)
    {
        var root = Path.GetPathRoot(path)!;
        var resolved = root;
        foreach (var segment in path[root.Length..].Split(
            [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(resolved, segment);
            resolved = TargetOf(next) is { } target && left-- > 0
                ? Resolve(Path.GetFullPath(target, resolved), ref left)
                : next;
        }

        return resolved;
    }

    /// <summary>Where a link leads, as it is written in the link; null for what is none.</summary>
    private static string? TargetOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
