using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads what <c>conda list --export</c> prints: <c>NAME=VERSION=BUILD</c> a line, packages of pip with <c>pypi_0</c> (older:
/// <c>&lt;pip&gt;</c>) for the build. Channels are not in it.
/// </summary>
internal static partial class CondaListExport
{
    private const string Header = "# This file may be used to create an environment using:";

    /// <summary>True where the header or the first line that is no comment says so.</summary>
    public static bool Is(string text) =>
        text.AsSpan().TrimStart("\uFEFF \t\r\n").StartsWith(Header)
        || (Lines(text).FirstOrDefault(line => line[0] != '#') is { } first && Line().IsMatch(first));

    public static FileContent Read(string text)
    {
        string? platform = null;
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        foreach (var line in Lines(text))
        {
            if (line.StartsWith("# platform:", StringComparison.Ordinal))
            {
                platform ??= line["# platform:".Length..].Trim();
            }
            else if (line[0] != '#')
            {
                Add(line, packages, notExact);
            }
        }

        return new FileContent(null, CondaChannel.IsSubdir(platform) ? platform : null, packages, notExact, []);
    }

    private static void Add(string line, List<Package> packages, List<NotExact> notExact)
    {
        if (Line().Match(line) is not { Success: true } match)
        {
            // As in a file of specifications that was written by hand.
            var (package, open) = CondaSpec.Read(line, isExport: false);
            if (package is not null)
            {
                packages.Add(package);
            }

            if (open is not null)
            {
                notExact.Add(open);
            }

            return;
        }

        var (name, version, build) = (match.Groups["name"].Value, match.Groups["version"].Value, match.Groups["build"].Value);
        packages.Add(build is "pypi_0" or "<pip>" or "<develop>"
            ? new Package(Package.PyPi, PyPiName.Normalized(name), version)
            : new Package(Package.Conda, name, version, build));
    }

    private static string[] Lines(string text) =>
        text.TrimStart('\uFEFF').Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(
        """^(?<name>[A-Za-z0-9_][\w.-]*)=(?<version>[A-Za-z0-9_][\w.!+]*)=(?<build>[A-Za-z0-9_][\w.+]*|<pip>|<develop>)$""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Line();
}
