using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads an <c>@EXPLICIT</c> list: one URL or path of a conda package a line, with its MD5 or SHA-256 after <c>#</c>. conda-lock
/// adds PyPI packages as comments, <c># pip NAME @ URL --hash=sha256:...</c>.
/// </summary>
internal static partial class ExplicitList
{
    /// <summary>What follows "pip" in the heading of a section.</summary>
    private static readonly HashSet<string> Prose = new(StringComparer.OrdinalIgnoreCase)
    {
        "packages", "package", "dependencies", "requirements", "install", "installed", "section", "list", "freeze", "only", "deps",
    };

    /// <summary>True where a line is <c>@EXPLICIT</c>.</summary>
    public static bool Is(string text) => Mark().IsMatch(text);

    public static FileContent Read(string text)
    {
        string? platform = null;
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith("# platform:", StringComparison.Ordinal))
            {
                platform ??= line["# platform:".Length..].Trim();
            }
            else if (PipLine().Match(line) is { Success: true } pip && !Prose.Contains(pip.Groups["requirement"].Value.TrimEnd(':')))
            {
                Add(PipRequirement.Read(pip.Groups["requirement"].Value), packages, notExact);
            }
            else if (line.Length > 0 && line[0] != '#' && line != "@EXPLICIT")
            {
                Add(OfUrl(line), packages, notExact, line);
            }
        }

        return new FileContent(
            null, CondaChannel.IsSubdir(platform) ? platform : CondaPlatform.OfPackages(packages), packages, notExact, []);
    }

    private static void Add(PipRequirement.Result result, List<Package> packages, List<NotExact> notExact)
    {
        if (result.Package is { } package)
        {
            packages.Add(package);
        }
        else if (result.NotExact is { } open)
        {
            notExact.Add(open);
        }
    }

    private static void Add(Package? package, List<Package> packages, List<NotExact> notExact, string line)
    {
        if (package is not null)
        {
            packages.Add(package);
        }
        else
        {
            notExact.Add(new NotExact(Package.Conda, Secrets.Masked(line)));
        }
    }

    private static Package? OfUrl(string line)
    {
        var hash = line.IndexOf('#', StringComparison.Ordinal);
        var url = hash < 0 ? line : line[..hash];
        if (PackageFileName.OfConda(url) is not var (name, version, build))
        {
            return null;
        }

        var checksum = hash < 0 ? "" : line[(hash + 1)..].Replace("sha256:", "", StringComparison.Ordinal);
        var folder = url[..Math.Max(0, url.LastIndexOfAny(['/', '\\']))];
        folder = folder.Contains('/', StringComparison.Ordinal) ? folder : folder.Replace('\\', '/');
        return new Package(
            Package.Conda, name, version, build, CondaChannel.SubdirOf(folder), CondaChannel.CanonicalName(folder),
            Sha256().IsMatch(checksum) ? checksum : null);
    }

    [GeneratedRegex("^@EXPLICIT\\s*$", RegexOptions.Multiline | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Mark();

    /// <summary>conda-lock's comment of a PyPI package, however it is spaced; prose that begins with "pip" is none.</summary>
    [GeneratedRegex(
        """^\#\s*pip\s+(?<requirement>[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*(?:@|[=<>!~]=|[<>])\s*\S.*|[A-Za-z0-9][\w.-]*:?$)""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex PipLine();

    [GeneratedRegex("^[0-9a-f]{64}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Sha256();
}
