using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>Reads one conda dependency of an environment file.</summary>
internal static partial class CondaSpec
{
    /// <summary>
    /// The package of <c>name=version=build</c>, <c>name==version</c>, <c>name=version</c> (also with spaces, and with <c>channel::</c> or
    /// <c>channel/subdir::</c> before it); null where the version is a range, a wildcard or missing.
    /// </summary>
    /// <remarks>
    /// conda's solver accepts any 1.2.x for <c>name=1.2</c>, but <c>conda env export --no-builds</c> writes exact versions that
    /// way, so it is read as the version that it states.
    /// </remarks>
    public static Package? Read(string spec)
    {
        if (Spec().Match(spec) is not { Success: true } match)
        {
            return null;
        }

        var channel = match.Groups["channel"] is { Success: true } given ? given.Value : null;
        var build = match.Groups["build"] is { Success: true } text ? text.Value : null;
        return new Package(
            Package.Conda, match.Groups["name"].Value, match.Groups["version"].Value, build,
            CondaChannel.SubdirOf(channel), CondaChannel.CanonicalName(channel));
    }

    [GeneratedRegex(
        """^\s*(?:(?<channel>\S+)::)?(?<name>[A-Za-z0-9_][\w.-]*)(?:\s*={1,2}\s*|\s+)(?<version>[A-Za-z0-9_][\w.!+]*)(?:(?:=|\s+)(?<build>[A-Za-z0-9_][\w.+]*))?\s*(?:\#.*)?$""",
        RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Spec();
}
