using EnvPlatform.Contracts.Masking;

using Tomlyn.Model;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads lock files of Python: <c>uv.lock</c>, and <c>pylock.toml</c> (PEP 751). Both hold the distributions of every platform, extra and
/// group; all are included.
/// </summary>
internal static class PythonLock
{
    private const string Uv = "package";
    private const string Pylock = "packages";

    private static readonly string[] OwnKinds = ["virtual", "editable"];
    private static readonly string[] FileKeys = ["name", "url", "path"];

    /// <summary>
    /// The locks of Poetry, PDM and Cargo, too, have packages, but say neither for which Python nor from where in a table.
    /// </summary>
    public static bool Is(TomlTable root) => IsPylock(root) || IsUv(root);

    private static bool IsPylock(TomlTable root) => root.ContainsKey("lock-version");

    private static bool IsUv(TomlTable root) => root.TryGetValue("version", out var version) && version is long
        && (root.ContainsKey("requires-python")
            || BoundedToml.Items(root, Uv).Any(item => item is TomlTable entry && BoundedToml.Table(entry, "source") is not null));

    /// <exception cref="AgentException">The lock file is of another version.</exception>
    public static FileContent Read(TomlTable root)
    {
        var pylock = IsPylock(root);
        if (pylock && BoundedToml.Text(root, "lock-version") is var format && format?.Split('.')[0] != "1")
        {
            throw new AgentException($"This is a pylock.toml of version {format ?? "?"}; the agent reads version 1.");
        }

        if (!pylock && root["version"] is not 1L)
        {
            throw new AgentException($"This is a uv.lock of version {root["version"]}; the agent reads version 1.");
        }

        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        var warnings = new List<string>();
        foreach (var item in BoundedToml.Items(root, pylock ? Pylock : Uv))
        {
            if (item is TomlTable entry && BoundedToml.Text(entry, "name") is { } name)
            {
                Add(name, entry, pylock, packages, notExact, warnings);
            }
            else
            {
                notExact.Add(new NotExact(Package.PyPi, TextOf(item), NotExact.NotUnderstood));
            }
        }

        if (root.TryGetValue(pylock ? Pylock : Uv, out var all) && all is not (TomlTableArray or TomlArray))
        {
            notExact.Add(new NotExact(Package.PyPi, pylock ? Pylock : Uv, NotExact.NotUnderstood));
        }

        return new FileContent(null, null, packages, notExact, warnings);
    }

    private static void Add(
        string name, TomlTable entry, bool pylock, List<Package> packages, List<NotExact> notExact, List<string> warnings)
    {
        var source = pylock ? null : BoundedToml.Table(entry, "source");
        if (source is not null && OwnKinds.Select(kind => BoundedToml.Text(source, kind)).Any(at => at is "." or "./"))
        {
            warnings.Add($"{name} is the project itself and is left out.");
            return;
        }

        var files = Files(entry).ToArray();
        var version = BoundedToml.Text(entry, "version") ?? VersionOf(name, entry, source, files);
        if (version is null)
        {
            notExact.Add(new NotExact(Package.PyPi, Secrets.Masked(name + LocationOf(entry, source))));
            return;
        }

        // Of several files it is not known which one is installed.
        packages.Add(new Package(
            Package.PyPi, PyPiName.Normalized(name), version, Sha256: files is [var only] ? Sha256Of(only) : null));
    }

    /// <summary>The version that the name of a file or address tells, where the entry does not say it.</summary>
    private static string? VersionOf(string name, TomlTable entry, TomlTable? source, TomlTable[] files) =>
        files.Append(source).Append(BoundedToml.Table(entry, "archive"))
            .SelectMany(file => FileKeys.Select(key => BoundedToml.Text(file, key)))
            .OfType<string>().Select(file => PackageFileName.VersionOfPython(name, file)).FirstOrDefault(found => found is not null);

    private static IEnumerable<TomlTable> Files(TomlTable entry) =>
        new[] { BoundedToml.Table(entry, "sdist"), BoundedToml.Table(entry, "archive") }
            .Concat(BoundedToml.Items(entry, "wheels").Select(wheel => wheel as TomlTable)).OfType<TomlTable>();

    /// <summary>uv writes <c>hash = "sha256:..."</c>, PEP 751 a table of hashes.</summary>
    private static string? Sha256Of(TomlTable file)
    {
        var hash = BoundedToml.Table(file, "hashes") is { } hashes ? BoundedToml.Text(hashes, "sha256")
            : BoundedToml.Text(file, "hash") is { } text && text.StartsWith("sha256:", StringComparison.Ordinal)
                ? text["sha256:".Length..] : null;
        return hash is { Length: 64 } && hash.All(char.IsAsciiHexDigit) ? hash : null;
    }

    private static string LocationOf(TomlTable entry, TomlTable? source)
    {
        var place = source ?? BoundedToml.Table(entry, "vcs") ?? BoundedToml.Table(entry, "directory");
        return place?.Select(pair => pair.Value).OfType<string>().FirstOrDefault() is { Length: > 0 } where ? $" @ {where}" : "";
    }

    private static string TextOf(object? item) =>
        item is TomlTable table ? "an entry without name: " + string.Join(", ", table.Keys) : Secrets.Masked(item?.ToString() ?? "?");
}
