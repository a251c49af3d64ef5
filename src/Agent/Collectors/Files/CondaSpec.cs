using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Reads one conda dependency of an environment file.</summary>
internal static partial class CondaSpec
{
    /// <summary>The builds that conda writes for what pip installed; the last ones are those of older versions.</summary>
    private static readonly string[] PipBuilds = ["pypi_0", "pip", "<pip>"];

    /// <summary>
    /// The package of <c>name=version=build</c>, <c>name==version</c>, <c>name version build</c>, <c>name[version='1.2', build=...]</c>,
    /// with <c>channel::</c> or <c>channel/subdir::</c> before it, and of <c>name=version</c> where the version is whole; otherwise what
    /// is not exact: a range, a wildcard, a part of a version. A wildcard in the build leaves the build open, not the version.
    /// </summary>
    /// <param name="spec">The text.</param>
    /// <param name="isExport">
    /// True in a file that <c>conda env export</c> wrote: it writes whole versions as <c>name=version</c>, which otherwise is any version
    /// that begins so.
    /// </param>
    public static (Package? Package, NotExact? NotExact) Read(string spec, bool isExport)
    {
        if (Spec().Match(spec) is not { Success: true } match || Fields(match.Groups["fields"].Value) is not { } fields)
        {
            return Open(spec, NotExact.NoExactVersion);
        }

        var version = match.Groups["version"].Value;
        var build = Value(match, "build") ?? fields.GetValueOrDefault("build");
        if (version.Length == 0)
        {
            // In brackets a version is exact unless it is a range, a wildcard or begins with one '='.
            if (!fields.TryGetValue("version", out var given) || Exact().Match(given) is not { Success: true } whole)
            {
                return Open(spec, NotExact.NoExactVersion);
            }

            version = whole.Groups["version"].Value;
        }
        else if (fields.ContainsKey("version"))
        {
            return Open(spec, NotExact.NoExactVersion);
        }
        var name = match.Groups["name"].Value;
        var channel = Value(match, "channel") ?? fields.GetValueOrDefault("channel");
        if (match.Groups["any"].Length > 0 || (!isExport && IsPartial(match)))
        {
            return (null, new NotExact(Package.Conda, Secrets.Masked(spec), NotExact.PartialVersion)
            {
                Range = Release().IsMatch(version)
                    ? new Package(Package.Conda, name, version + ".*", Channel: CondaChannel.CanonicalName(channel))
                    : null,
            });
        }

        if (PipBuilds.Contains(build, StringComparer.Ordinal) || channel == "pypi")
        {
            return (new Package(Package.PyPi, PyPiName.Normalized(name), version), null);
        }

        var subdir = fields.GetValueOrDefault("subdir");
        return (new Package(
            Package.Conda, name, version, IsOneBuild(build) ? build : null,
            CondaChannel.IsSubdir(subdir) ? subdir : CondaChannel.SubdirOf(channel), CondaChannel.CanonicalName(channel)), null);
    }

    /// <summary>Whether a line is <c>name=version</c> or more, as <c>conda env export</c> writes every line.</summary>
    public static bool IsPinned(string spec) =>
        Spec().Match(spec) is { Success: true } match && match.Groups["version"].Length > 0 && match.Groups["any"].Length == 0;

    private static (Package?, NotExact?) Open(string spec, string reason) =>
        (null, new NotExact(Package.Conda, Secrets.Masked(spec), reason));

    /// <summary>Whether a line is <c>name=3.11</c>, which conda takes for any 3.11.x.</summary>
    public static bool IsPartial(string spec) => Spec().Match(spec) is { Success: true } match && IsPartial(match);

    /// <summary>
    /// One <c>=</c>, no build, and fewer than three numbers: few projects have releases of so few, and none of them is meant alone by
    /// <c>name=3.11</c>. A letter ends a version (<c>2023c</c>), and the releases of openssl 1 all have one after three numbers.
    /// </summary>
    private static bool IsPartial(Match match)
    {
        var version = match.Groups["version"].Value;
        if (match.Groups["sign"].Value.Trim() != "=" || match.Groups["build"].Length > 0 || version.Length == 0
            || char.IsAsciiLetter(version[^1]))
        {
            return false;
        }

        var numbers = version.Split('!')[^1].Split('+')[0].Split('.', '_').Length;
        return numbers < 3 || (match.Groups["name"].Value == "openssl" && numbers == 3 && version[0] is '0' or '1');
    }

    /// <summary>Not a wildcard, and not a regular expression, which begins with a circumflex.</summary>
    private static bool IsOneBuild(string? build) =>
        build is { Length: > 0 } && build[0] != '^' && !build.Contains('*', StringComparison.Ordinal);

    private static string? Value(Match match, string group) =>
        match.Groups[group] is { Success: true, Length: > 0 } found ? found.Value : null;

    /// <summary>The fields in brackets; null where they are not of the form that conda has.</summary>
    private static Dictionary<string, string>? Fields(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        if (text.Trim().Length == 0)
        {
            return fields;
        }

        if (!AllFields().IsMatch(text))
        {
            return null;
        }

        foreach (Match field in Field().Matches(text))
        {
            fields[field.Groups["key"].Value] = field.Groups["value"].Value.Trim('\'', '"');
        }

        return fields;
    }

    private const int Timeout = 30_000;

    [GeneratedRegex(
        """
        ^\s*(?:(?<channel>\S+?):(?:[^:\s]*):)?(?<name>[A-Za-z0-9_][\w.-]*)
        (?:
            (?<sign>\s*={1,2}\s*|\s+)(?<version>[A-Za-z0-9_](?:[\w.!+]*[\w!+])?)(?<any>\.?\*)?
            (?:(?:=|\s+)(?<build>[A-Za-z0-9_*^<][^\s\[\],=|]*))?
        )?
        \s*(?:\[(?<fields>[^\]]*)\])?\s*(?:\#.*)?$
        """, RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace, Timeout)]
    private static partial Regex Spec();

    [GeneratedRegex("""^(?:[0-9]{1,9}!)?[0-9]{1,18}(?:[._][0-9]{1,18}){0,9}$""", RegexOptions.CultureInvariant, Timeout)]
    private static partial Regex Release();

    [GeneratedRegex("""^\s*(?:==)?\s*(?<version>[A-Za-z0-9_][\w.!+]*)\s*$""", RegexOptions.CultureInvariant, Timeout)]
    private static partial Regex Exact();

    [GeneratedRegex(
        """^\s*\w+\s*=\s*(?:'[^']*'|"[^"]*"|[^,'"]+)\s*(?:,\s*\w+\s*=\s*(?:'[^']*'|"[^"]*"|[^,'"]+)\s*)*,?\s*$""",
        RegexOptions.CultureInvariant, Timeout)]
    private static partial Regex AllFields();

    [GeneratedRegex("""(?<key>\w+)\s*=\s*(?<value>'[^']*'|"[^"]*"|[^,'"]+)""", RegexOptions.CultureInvariant, Timeout)]
    private static partial Regex Field();
}
