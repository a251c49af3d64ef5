namespace EnvPlatform.Agent.Collectors;

/// <summary>Name and version of a Python distribution, from its metadata or, where that is missing, from the name of its folder.</summary>
internal static class PythonMetadata
{
    public sealed record Distribution(string Name, string Version);

    /// <summary>
    /// Reads what a marking file (see <see cref="PyPiPackages.IsDistributionFile"/>) stands for; null where the version is unknown.
    /// </summary>
    public static Distribution? Read(string marker) => Path.GetFileName(marker) switch
    {
        _ when Directory.Exists(marker) => null,
        "METADATA" => FromHeaders(marker) ?? FromFolder(Path.GetDirectoryName(marker)!),
        "PKG-INFO" when Path.GetDirectoryName(marker) is { } folder && Path.GetFileName(folder) == "EGG-INFO" =>
            FromHeaders(marker) ?? FromFolder(Path.GetDirectoryName(folder)!),
        var name when name.EndsWith(".egg", StringComparison.Ordinal) => FromFolder(marker),
        "RECORD" => FromHeaders(Path.Combine(Path.GetDirectoryName(marker)!, "METADATA")) ?? FromFolder(Path.GetDirectoryName(marker)!),
        "PKG-INFO" => FromHeaders(marker) ?? FromFolder(Path.GetDirectoryName(marker)!),
        var name when name.EndsWith(".egg-link", StringComparison.Ordinal) => FromEggLink(marker),
        _ => FromHeaders(marker) ?? FromFolder(marker),
    };

    /// <summary>The Name and Version fields of core metadata: headers up to the first empty line.</summary>
    private static Distribution? FromHeaders(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        string? name = null, version = null;
        foreach (var line in File.ReadLines(file).TakeWhile(line => line.Length > 0))
        {
            if (line.StartsWith("Name:", StringComparison.OrdinalIgnoreCase))
            {
                name ??= line[5..].Trim();
            }
            else if (line.StartsWith("Version:", StringComparison.OrdinalIgnoreCase))
            {
                version ??= line[8..].Trim();
            }

            if (name is not null && version is not null)
            {
                break;
            }
        }

        return string.IsNullOrEmpty(name) || string.IsNullOrEmpty(version) ? null : new Distribution(name, version);
    }

    /// <summary><c>NAME-VERSION.dist-info</c> or <c>NAME-VERSION-py3.9.egg-info</c>.</summary>
    private static Distribution? FromFolder(string path)
    {
        var parts = Path.GetFileNameWithoutExtension(path).Split('-');
        return parts.Length >= 2 && parts[1].Length > 0 && char.IsAsciiDigit(parts[1][0]) ? new Distribution(parts[0], parts[1]) : null;
    }

    /// <summary>A link of an editable install: its first line is the folder of the source, where the egg-info is.</summary>
    private static Distribution? FromEggLink(string file)
    {
        var source = File.ReadLines(file).Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0);
        if (source is null || !Directory.Exists(source))
        {
            return null;
        }

        var wanted = PyPiName.Normalized(Path.GetFileNameWithoutExtension(file));
        return Directory.EnumerateDirectories(source, "*.egg-info")
            .Select(folder => FromHeaders(Path.Combine(folder, "PKG-INFO")))
            .OfType<Distribution>()
            .FirstOrDefault(distribution => PyPiName.Normalized(distribution.Name) == wanted);
    }
}
