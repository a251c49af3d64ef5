namespace EnvPlatform.Agent.Collectors;

/// <summary>
/// The canonical name of a channel: the short name for channels of the well-known hosts (<c>conda-forge</c>, <c>pkgs/main</c>),
/// the URL without credentials, token, query and platform folder for all others.
/// </summary>
internal static class CondaChannel
{
    private static readonly HashSet<string> Subdirs = new(StringComparer.Ordinal)
    {
        "noarch", "linux-32", "linux-64", "linux-aarch64", "linux-armv6l", "linux-armv7l", "linux-ppc64", "linux-ppc64le", "linux-riscv32",
        "linux-riscv64", "linux-s390x", "osx-64", "osx-arm64", "win-32", "win-64", "win-arm64", "freebsd-64", "zos-z", "emscripten-wasm32",
        "wasi-wasm32",
    };

    /// <summary>True for the name of a platform folder of a channel, <c>noarch</c> included.</summary>
    public static bool IsSubdir(string? text) => text is not null && Subdirs.Contains(text);

    /// <summary>The canonical name of a channel given as a name, a path or a URL, with or without platform folder; null for none.</summary>
    public static string? CanonicalName(string? channel)
    {
        if (string.IsNullOrWhiteSpace(channel) || channel is "<unknown>" or "None")
        {
            return null;
        }

        channel = channel.Trim();
        var cut = channel.AsSpan().IndexOfAny('?', '#');
        if (cut >= 0)
        {
            channel = channel[..cut];
        }

        var scheme = channel.IndexOf("://", StringComparison.Ordinal);
        return scheme < 0 ? OfName(channel) : OfUrl(channel[..scheme].ToLowerInvariant(), channel[(scheme + 3)..]);
    }

    /// <summary>The platform folder of a channel's or package's URL, or null.</summary>
    public static string? SubdirOf(string? url)
    {
        var segments = (url ?? "").TrimEnd('/').Split('/');
        return segments.Reverse().Take(2).FirstOrDefault(IsSubdir);
    }

    private static string? OfName(string channel)
    {
        var rooted = channel.StartsWith('/');
        var name = Path(channel);
        return name switch
        {
            "" => null,
            "defaults" => "pkgs/main",
            _ => rooted ? "/" + name : name,
        };
    }

    private static string? OfUrl(string scheme, string rest)
    {
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var authority = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? "" : Path(rest[slash..]);
        var host = authority[(authority.LastIndexOf('@') + 1)..].ToLowerInvariant();

        var wellKnown = host switch
        {
            "conda.anaconda.org" or "conda.binstar.org" => true,
            "repo.anaconda.com" or "repo.continuum.io" => path.StartsWith("pkgs/", StringComparison.Ordinal),
            _ => false,
        };
        if (wellKnown)
        {
            return path.Length == 0 ? null : path;
        }

        return path.Length == 0 ? $"{scheme}://{host}" : $"{scheme}://{host}/{path}";
    }

    /// <summary>The path without <c>t/TOKEN</c>, wherever it is, and without the platform folder at its end.</summary>
    private static string Path(string path)
    {
        var segments = path.Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        var token = segments.IndexOf("t");
        if (token >= 0)
        {
            segments.RemoveRange(token, Math.Min(2, segments.Count - token));
        }

        if (segments.Count > 0 && IsSubdir(segments[^1]))
        {
            segments.RemoveAt(segments.Count - 1);
        }

        return string.Join('/', segments);
    }
}
