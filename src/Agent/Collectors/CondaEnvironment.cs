namespace EnvPlatform.Agent.Collectors;

/// <summary>Reads an environment on disk from its files alone: no conda command is run, since those write to the environment.</summary>
internal static class CondaEnvironment
{
    /// <summary>True for a folder that is an environment of conda or a related tool.</summary>
    public static bool IsAt(string prefix)
    {
        var meta = Path.Combine(prefix, "conda-meta");
        // Where it is there and closed to this user, that is to be reported by the one who reads it, not to be passed over.
        return File.Exists(Path.Combine(meta, "history"))
            || Folder.List(meta, out var trouble).Any(entry => entry.Name.EndsWith(".json", StringComparison.Ordinal))
            || trouble is not null;
    }

    /// <summary>
    /// True for an installation of conda itself, whose environment is called <c>base</c>; not for one below <c>envs</c> that holds conda.
    /// </summary>
    public static bool IsBase(string prefix) =>
        Directory.Exists(Path.Combine(prefix, "condabin")) && Path.GetFileName(Path.GetDirectoryName(prefix)) != "envs";

    public static string NameOf(string prefix) =>
        IsBase(prefix) ? "base" : PixiEnvironments.NameOf(prefix) ?? Path.GetFileName(prefix.TrimEnd('/', '\\'));

    /// <summary>The packages of the environment, conda's and pip's.</summary>
    public static CollectedEnvironment Read(string prefix)
    {
        var warnings = new List<string>();
        var notExact = new List<NotExact>();
        var records = CondaMeta.Read(prefix, notExact, warnings);
        var sitePackages = PyPiPackages.SitePackages(prefix, notExact, warnings);
        var present = records.Where(record => !sitePackages.IsReplaced(record.DistributionFiles)).ToArray();
        var listed = present.SelectMany(record => record.DistributionFiles)
            .ToHashSet(OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        var pypi = sitePackages.Read(listed, notExact, warnings).ToArray();
        var packages = CollectedEnvironment.Tidy([.. present.Select(record => record.Package), .. pypi], notExact, warnings);

        AddDuplicates(packages, warnings);

        return new CollectedEnvironment(
            prefix,
            NameOf(prefix),
            CondaPlatform.OfPackages(packages),
            CondaHistory.LastCommandOf(prefix, warnings),
            packages,
            notExact,
            warnings);
    }

    /// <summary>What pip leaves behind when conda installs over it, and an update that was interrupted.</summary>
    private static void AddDuplicates(IReadOnlyList<Package> packages, List<string> warnings)
    {
        // To conda ruamel.yaml and ruamel_yaml are two packages, to pip one.
        foreach (var same in packages.GroupBy(package => PyPiName.Normalized(package.Name), StringComparer.Ordinal)
            .Where(same => same.DistinctBy(package => package.Version).Skip(1).Any()
                && (same.DistinctBy(package => package.Manager).Skip(1).Any() || !same.DistinctBy(package => package.Name).Skip(1).Any())))
        {
            warnings.Add($"There is more than one {same.Key}: "
                + string.Join(", ", same.Select(package => $"{package.Version} ({package.Manager})"))
                + ". Which one is used cannot be known from the files; all are kept.");
        }
    }
}
