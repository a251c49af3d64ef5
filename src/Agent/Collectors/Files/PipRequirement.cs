using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Reads one line of pip requirements (PEP 508) as environment files hold them.</summary>
internal static partial class PipRequirement
{
    /// <summary>A package, or a requirement without an exact version; neither for an option of pip that names no package.</summary>
    public readonly record struct Result(Package? Package, NotExact? NotExact);

    /// <summary>Options of pip that name no package: where to look and how, not what to install.</summary>
    private static readonly HashSet<string> PlainOptions = new(StringComparer.Ordinal)
    {
        "-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index", "-c", "--constraint", "-f", "--find-links", "--no-binary",
        "--only-binary", "--prefer-binary", "--require-hashes", "--pre", "--trusted-host", "--use-feature", "--no-deps", "--no-cache-dir",
        "--hash", "--config-settings", "--global-option", "--install-option", "--build-option", "--no-build-isolation", "--use-pep517",
        "--upgrade", "-U", "--user", "--no-use-pep517", "--ignore-installed", "--isolated",
    };

    /// <summary>As <see cref="Read"/>, for each line of a text; a line that ends with a backslash goes on in the next one.</summary>
    public static IEnumerable<Result> ReadLines(string text) => Continuation().Replace(text, " ").Split('\n').Select(Read);

    /// <summary>
    /// Exact are <c>name==1.2</c>, <c>name===1.2</c> (with extras, markers or hashes), <c>name @ URL</c> of a wheel or source archive
    /// that is named after the distribution, and the address of a wheel. Ranges, wildcards, branches, folders and other files of
    /// requirements are not.
    /// </summary>
    public static Result Read(string line)
    {
        line = line.Trim();
        if (line.Length == 0 || line[0] == '#' || IsPlainOption(line))
        {
            return default;
        }

        if (Url().Match(line) is { Success: true } direct)
        {
            var version = PackageFileName.VersionOfPython(direct.Groups["name"].Value, direct.Groups["url"].Value);
            return version is null ? Open(line) : Of(direct.Groups["name"].Value, version, HashIn(line));
        }

        if (Pin().Match(line) is { Success: true } pin)
        {
            if (pin.Groups["any"].Length > 0)
            {
                return new(null, new NotExact(Package.PyPi, Secrets.Masked(line), NotExact.PartialVersion)
                {
                    Range = new Package(Package.PyPi, PyPiName.Normalized(pin.Groups["name"].Value), pin.Groups["version"].Value + ".*"),
                });
            }

            return Of(pin.Groups["name"].Value, pin.Groups["version"].Value, HashIn(line));
        }

        return PackageFileName.OfWheel(line.Split(' ', ';')[0]) is var (name, exact) ? Of(name, exact, HashIn(line)) : Open(line);
    }

    private static Result Of(string name, string version, string? sha256) =>
        new(new Package(Package.PyPi, PyPiName.Normalized(name), version, Sha256: sha256), null);

    private static Result Open(string line) => new(null, new NotExact(Package.PyPi, Secrets.Masked(line)));

    private static bool IsPlainOption(string line) =>
        line[0] == '-' && PlainOptions.Contains(line[..(line.AsSpan().IndexOfAny(' ', '=', '\t') is >= 0 and var end ? end : line.Length)]);

    private static string? HashIn(string line) => Hash().Match(line) is { Success: true } hash ? hash.Groups["hex"].Value : null;

    [GeneratedRegex(
        """^(?<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*\(?\s*(?:={2,3}\s*(?<version>[A-Za-z0-9][\w.!+-]*)|==\s*(?<version>(?:[0-9]{1,9}!)?[0-9]{1,18}(?:\.[0-9]{1,18}){0,9})(?<any>\.\*))\s*\)?\s*(?:;.*|\s--.*|\s\#.*)?$""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Pin();

    [GeneratedRegex(
        """^(?<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*@\s*(?<url>\S+)""", RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Url();

    [GeneratedRegex("""sha256[:=](?<hex>[0-9a-f]{64})""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Hash();

    /// <summary>The backslash also where YAML has folded the lines into one.</summary>
    [GeneratedRegex("""\\[ \t\r]*(?:\n|$|(?=--))""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Continuation();
}
