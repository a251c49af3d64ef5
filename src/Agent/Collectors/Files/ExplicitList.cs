using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads an <c>@EXPLICIT</c> list: one URL or path of a conda package a line, with its MD5 or SHA-256 after <c>#</c>. conda-lock
/// adds PyPI packages as comments, <c># pip NAME @ URL --hash=sha256:...</c>.
/// </summary>
internal static partial class ExplicitList
{
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
            else if (line.StartsWith("# pip ", StringComparison.Ordinal))
            {
                Add(PipRequirement.Read(line["# pip ".Length..]), packages, notExact);
            }
            else if (line.Length > 0 && line[0] is not ('#' or '@'))
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
        return new Package(
            Package.Conda, name, version, build, CondaChannel.SubdirOf(folder), CondaChannel.CanonicalName(folder),
            Sha256().IsMatch(checksum) ? checksum : null);
    }

    [GeneratedRegex("^@EXPLICIT\\s*$", RegexOptions.Multiline | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Mark();

    [GeneratedRegex("^[0-9a-f]{64}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Sha256();
}
