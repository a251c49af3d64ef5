namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Parses the file name of a package.</summary>
internal static class PackageFileName
{
    private static readonly string[] SourceArchives = [".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"];

    /// <summary>
    /// A conda package, <c>NAME-VERSION-BUILD.conda</c> or <c>.tar.bz2</c>, from its URL or path; null for anything else.
    /// </summary>
    public static (string Name, string Version, string Build)? OfConda(string url)
    {
        var file = FileOf(url);
        var stem = file.EndsWith(".conda", StringComparison.Ordinal) ? file[..^6]
            : file.EndsWith(".tar.bz2", StringComparison.Ordinal) ? file[..^8] : null;
        return stem is null ? null : OfStem(stem);
    }

    /// <summary>The parts of <c>NAME-VERSION-BUILD</c>; null where there are fewer.</summary>
    public static (string Name, string Version, string Build)? OfStem(string stem)
    {
        var build = stem.LastIndexOf('-');
        var version = build > 0 ? stem.LastIndexOf('-', build - 1) : -1;
        return version > 0 && version + 1 < build && build + 1 < stem.Length
            ? (stem[..version], stem[(version + 1)..build], stem[(build + 1)..])
            : null;
    }

    /// <summary>
    /// The version of a wheel (<c>NAME-VERSION(-BUILD)-PY-ABI-PLATFORM.whl</c>, PEP 427) or source archive (<c>NAME-VERSION.tar.gz</c>, PEP
    /// 625) of the distribution with this name; null where the file is named after something else, such as a branch.
    /// </summary>
    public static string? VersionOfPython(string distribution, string url)
    {
        var file = FileOf(url);
        var wanted = PyPiName.Normalized(distribution);
        if (file.EndsWith(".whl", StringComparison.Ordinal))
        {
            var parts = file[..^4].Split('-');
            return parts.Length is 5 or 6 && PyPiName.Normalized(parts[0]) == wanted ? parts[1] : null;
        }

        if (SourceArchives.FirstOrDefault(ending => file.EndsWith(ending, StringComparison.Ordinal)) is not { } archive)
        {
            return null;
        }
        // Old source archives keep dashes in the name: the version is what follows the whole name.
        var stem = file[..^archive.Length];
        for (var dash = stem.LastIndexOf('-'); dash > 0; dash = stem.LastIndexOf('-', dash - 1))
        {
            if (PyPiName.Normalized(stem[..dash]) == wanted && dash + 1 < stem.Length && char.IsAsciiDigit(stem[dash + 1]))
            {
                return stem[(dash + 1)..];
            }
        }

        return null;
    }

    /// <summary>Name and version of a wheel by its URL or path; null for anything else.</summary>
    public static (string Name, string Version)? OfWheel(string url)
    {
        var file = FileOf(url);
        return file.EndsWith(".whl", StringComparison.Ordinal) && file[..^4].Split('-') is { Length: 5 or 6 } parts
            && parts[0].Length > 0 && parts[1].Length > 0 && char.IsAsciiDigit(parts[1][0])
            ? (parts[0], parts[1])
            : null;
    }

    private static string FileOf(string url)
    {
        var end = url.AsSpan().IndexOfAny('?', '#');
        var path = end < 0 ? url : url[..end];
        return Uri.UnescapeDataString(path[(path.LastIndexOfAny(['/', '\\']) + 1)..]);
    }
}
