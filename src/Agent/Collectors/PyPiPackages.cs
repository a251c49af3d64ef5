namespace EnvPlatform.Agent.Collectors;

/// <summary>Finds the Python distributions of an environment that were installed by pip or another Python installer, not conda.</summary>
internal static class PyPiPackages
{
    /// <summary>
    /// True for a file that marks a distribution: a wheel's RECORD or METADATA, an egg-info and its PKG-INFO or METADATA, an egg's
    /// PKG-INFO, a zipped egg, an egg-link.
    /// </summary>
    public static bool IsDistributionFile(string path) =>
        path.EndsWith(".dist-info/RECORD", StringComparison.Ordinal)
        || path.EndsWith(".dist-info/METADATA", StringComparison.Ordinal)
        || path.EndsWith(".egg-info/PKG-INFO", StringComparison.Ordinal)
        || path.EndsWith(".egg-info/METADATA", StringComparison.Ordinal)
        || path.EndsWith(".egg/EGG-INFO/PKG-INFO", StringComparison.Ordinal)
        || path.EndsWith(".egg", StringComparison.Ordinal)
        || path.EndsWith(".egg-info", StringComparison.Ordinal)
        || path.EndsWith(".egg-link", StringComparison.Ordinal);

    /// <summary>The site-packages folders of the prefix, each once: conda-forge links <c>python3.1</c> to <c>python3.10</c>.</summary>
    public static IReadOnlyList<string> SitePackages(string prefix)
    {
        var folders = new List<string>();
        var lib = new DirectoryInfo(Path.Combine(prefix, "lib"));
        if (lib.Exists)
        {
            folders.AddRange(lib.EnumerateDirectories()
                .Where(dir => dir.LinkTarget is null && IsPython(dir.Name))
                .Select(dir => Path.Combine(dir.FullName, "site-packages"))
                .Where(Directory.Exists));
        }

        // Windows has no folder for the version; its file system treats Lib and lib as the same.
        var windows = Path.Combine(prefix, "Lib", "site-packages");
        if (Directory.Exists(windows) && !folders.Contains(windows, StringComparer.OrdinalIgnoreCase))
        {
            folders.Add(windows);
        }

        return [.. folders.Order(StringComparer.Ordinal)];
    }

    /// <summary>The distributions in the folders whose marking file no conda record lists in its files.</summary>
    /// <param name="prefix">The environment.</param>
    /// <param name="ofConda">The marking files that conda records list, relative to the prefix.</param>
    /// <param name="notExact">Receives each distribution without a readable version.</param>
    /// <param name="warnings">Receives a warning for each of these.</param>
    public static IEnumerable<Package> Read(
        string prefix, IReadOnlySet<string> ofConda, ICollection<NotExact> notExact, ICollection<string> warnings)
    {
        foreach (var folder in SitePackages(prefix))
        {
            foreach (var marker in Markers(folder).Where(marker => !ofConda.Contains(Relative(prefix, marker))))
            {
                if (ReadOrNull(marker) is { } distribution)
                {
                    yield return new Package(Package.PyPi, PyPiName.Normalized(distribution.Name), distribution.Version);
                }
                else
                {
                    notExact.Add(new NotExact(Package.PyPi, Relative(prefix, marker), NotExact.UnreadableDistribution));
                    warnings.Add($"{Relative(prefix, marker)} says neither its name and version nor where to find them; it was skipped.");
                }
            }
        }
    }

    /// <summary>Null also where the metadata cannot be opened: the other distributions are read.</summary>
    private static PythonMetadata.Distribution? ReadOrNull(string marker)
    {
        try
        {
            return PythonMetadata.Read(marker);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// True where a conda record has distributions of its own directly in a site-packages folder and none of them is on disk any more: pip
    /// replaced or removed the package, and conda will notice when it next reads the environment.
    /// </summary>
    public static bool IsReplaced(string prefix, IReadOnlyList<string> distributionFiles)
    {
        var own = distributionFiles.Where(IsOwn).ToArray();
        return own.Length > 0 && own.All(file => !File.Exists(Path.Combine(prefix, file)));
    }

    private static bool IsOwn(string file)
    {
        // lib/python3.9/site-packages/NAME.dist-info/RECORD, NAME.egg/EGG-INFO/PKG-INFO, or lib/python3.9/site-packages/NAME.egg-info
        var segments = file.Split('/');
        var parent = segments[^1] is "PKG-INFO" && segments[^2] is "EGG-INFO" ? 4
            : segments[^1] is "RECORD" or "METADATA" or "PKG-INFO" ? 3 : 2;
        return segments.Length > parent && segments[^parent] == "site-packages";
    }

    private static IEnumerable<string> Markers(string folder)
    {
        // A name that begins with ~ is the remains of an uninstall that pip could not finish.
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(entry => !entry.Name.StartsWith('~'))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            string[] inside = Path.GetExtension(entry.Name) switch
            {
                ".dist-info" => ["RECORD", "METADATA"],
                ".egg-info" when entry is DirectoryInfo => ["PKG-INFO", "METADATA"],
                ".egg" when entry is DirectoryInfo => [Path.Combine("EGG-INFO", "PKG-INFO")],
                ".egg-info" or ".egg-link" or ".egg" => [""],
                _ => [],
            };
            if (inside.Length > 0)
            {
                // A folder that holds none of them is a distribution that says nothing, to be reported.
                yield return inside.Select(name => Path.Combine(entry.FullName, name)).FirstOrDefault(File.Exists) ?? entry.FullName;
            }
        }
    }

    private static bool IsPython(string folder) =>
        folder.StartsWith("python", StringComparison.Ordinal) || folder.StartsWith("pypy", StringComparison.Ordinal);

    private static string Relative(string prefix, string file) => Path.GetRelativePath(prefix, file).Replace('\\', '/');
}
