namespace EnvPlatform.Agent.Collectors;

/// <summary>Finds the Python distributions of an environment that were installed by pip or another Python installer, not conda.</summary>
internal sealed class PyPiPackages
{
    private readonly string _prefix;
    private readonly IReadOnlyList<FileSystemInfo[]> _folders;
    private readonly bool _isComplete;

    private PyPiPackages(string prefix, IReadOnlyList<FileSystemInfo[]> folders, bool isComplete)
    {
        _prefix = prefix;
        _folders = folders;
        _isComplete = isComplete;
    }

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

    /// <summary>
    /// Lists the site-packages folders of an environment, each once: conda-forge links <c>python3.1</c> to <c>python3.10</c>.
    /// </summary>
    /// <param name="prefix">The environment.</param>
    /// <param name="notExact">Receives each folder that is there and cannot be listed.</param>
    /// <param name="warnings">Receives a warning for each of these.</param>
    public static PyPiPackages SitePackages(string prefix, ICollection<NotExact> notExact, ICollection<string> warnings)
    {
        var isComplete = true;
        FileSystemInfo[] ListOf(string folder)
        {
            var entries = Folder.List(folder, out var trouble);
            if (trouble is not null)
            {
                isComplete = false;
                notExact.Add(new NotExact(Package.PyPi, Relative(prefix, folder), NotExact.UnreadableFolder));
                warnings.Add($"{Relative(prefix, folder)} cannot be listed, so that the packages in it are not known: {trouble}");
            }

            return entries;
        }

        // Windows has no folder for the version; its file system treats Lib and lib as the same.
        var folders = ListOf(Path.Combine(prefix, "lib")).OfType<DirectoryInfo>()
            .Where(folder => folder.LinkTarget is null && IsPython(folder.Name)).Select(folder => folder.FullName)
            .Append(Path.Combine(prefix, "Lib"))
            .Select(folder => Path.Combine(folder, "site-packages"))
            .Order(StringComparer.Ordinal)
            .ToArray();
        return new PyPiPackages(prefix, [.. folders.Select(ListOf)], isComplete);
    }

    /// <summary>The distributions in the folders whose marking file no conda record lists in its files.</summary>
    /// <param name="ofConda">The marking files that conda records list, relative to the prefix.</param>
    /// <param name="notExact">Receives each distribution without a readable version.</param>
    /// <param name="warnings">Receives a warning for each of these.</param>
    public IEnumerable<Package> Read(IReadOnlySet<string> ofConda, ICollection<NotExact> notExact, ICollection<string> warnings)
    {
        foreach (var marker in _folders.SelectMany(Markers).Where(marker => !ofConda.Contains(Relative(_prefix, marker))))
        {
            if (ReadOrNull(marker) is { } distribution)
            {
                yield return new Package(Package.PyPi, PyPiName.Normalized(distribution.Name), distribution.Version);
            }
            else
            {
                notExact.Add(new NotExact(Package.PyPi, Relative(_prefix, marker), NotExact.UnreadableDistribution));
                warnings.Add($"{Relative(_prefix, marker)} says neither its name and version nor where to find them; it was skipped.");
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
    /// replaced or removed the package, and conda will notice when it next reads the environment. What cannot be seen is not gone.
    /// </summary>
    public bool IsReplaced(IReadOnlyList<string> distributionFiles)
    {
        var own = distributionFiles.Where(IsOwn).ToArray();
        return _isComplete && own.Length > 0 && own.All(file => !File.Exists(Path.Combine(_prefix, file)));
    }

    private static bool IsOwn(string file)
    {
        // lib/python3.9/site-packages/NAME.dist-info/RECORD, NAME.egg/EGG-INFO/PKG-INFO, or lib/python3.9/site-packages/NAME.egg-info
        var segments = file.Split('/');
        var parent = segments[^1] is "PKG-INFO" && segments[^2] is "EGG-INFO" ? 4
            : segments[^1] is "RECORD" or "METADATA" or "PKG-INFO" ? 3 : 2;
        return segments.Length > parent && segments[^parent] == "site-packages";
    }

    private static IEnumerable<string> Markers(FileSystemInfo[] folder)
    {
        // A name that begins with ~ is the remains of an uninstall that pip could not finish.
        foreach (var entry in folder.Where(entry => !entry.Name.StartsWith('~')))
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
