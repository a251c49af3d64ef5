using System.Text.RegularExpressions;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>
/// What conda asks of a package: a name, a version and a build, each of the latter two optional
/// (https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html). It is read as channels write it; what is not
/// understood is no specification rather than one that everything fits.
/// </summary>
internal sealed partial record MatchSpec
{
    private readonly VersionSpec _version;
    private readonly Glob? _build;

    private MatchSpec(string text, string name, VersionSpec version, Glob? build)
    {
        Text = text;
        Name = name;
        _version = version;
        _build = build;
    }

    public string Name { get; }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Null where it is not understood.</summary>
    public static MatchSpec? Parse(string text)
    {
        if (Parts().Match(text.Trim()) is not { Success: true } parts)
        {
            return null;
        }

        string? version = null;
        string? build = null;
        var rest = parts.Groups["rest"].Value.Trim();
        if (rest.Length > 0 && !Split(rest, out version, out build))
        {
            return null;
        }

        if (parts.Groups["brackets"] is { Success: true, Value: var brackets } && !ReadBrackets(brackets, ref version, ref build))
        {
            return null;
        }

        return VersionSpec.Parse(version ?? "*") is { } versions && (build is null || Glob.IsOne(build))
            ? new(text, parts.Groups["name"].Value.ToLowerInvariant(), versions, build is null or "*" ? null : new Glob(build))
            : null;
    }

    /// <summary>Whether a package of this name fits.</summary>
    public bool Fits(ChannelBuild build) => Fits(build.Version, build.Build);

    /// <param name="build">Null where it is not known: it then fits only where none is asked for.</param>
    public bool Fits(string version, string? build) =>
        _version.Fits(version) && (_build is null || (build is not null && _build.Fits(build)));

    // name VERSION BUILD, name VERSION with spaces in it, name=VERSION=BUILD.
    private static bool Split(string rest, out string? version, out string? build)
    {
        build = null;
        if (rest[0] == '=' && rest.Length > 1 && rest[1] != '=' && rest.IndexOf('=', 1) is > 0 and var second && !rest.Contains(' '))
        {
            version = rest[1..second];
            build = rest[(second + 1)..];
            return build.Length > 0;
        }

        var words = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isWhole = words.Length == 1
            || words.Skip(1).Any(word => word[0] is '<' or '>' or '=' or '!' or '~' or ',' or '|')
            || words.SkipLast(1).Any(word => word[^1] is '<' or '>' or '=' or '~' or ',' or '|');
        version = isWhole ? string.Concat(words) : words[0];
        build = isWhole ? null : words[1];
        return isWhole || words.Length == 2;
    }

    private static bool ReadBrackets(string brackets, ref string? version, ref string? build)
    {
        foreach (Match pair in Pairs().Matches(brackets))
        {
            var value = pair.Groups["value"].Value.Trim('\'', '"');
            switch (pair.Groups["key"].Value)
            {
                case "version":
                    version = value;
                    break;
                case "build":
                    build = value;
                    break;
                default:
                    return false;
            }
        }

        return Pairs().Replace(brackets, "").AsSpan().Trim(", ").IsEmpty;
    }

    [GeneratedRegex(
        @"^(?:[^\s:\[]+::)?(?<name>[A-Za-z0-9_][A-Za-z0-9_.+-]*)(?<rest>[^\[\];@]*)(?:\[(?<brackets>[^\[\]]*)\])?$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Parts();

    [GeneratedRegex(
        """(?<key>[a-z_0-9]+)\s*=\s*(?<value>'[^']*'|"[^"]*"|[^,'"\s]+)""",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Pairs();
}

/// <summary>A text with asterisks for any characters.</summary>
internal sealed class Glob(string pattern)
{
    private readonly string[] _parts = pattern.Split('*');

    /// <summary>A regular expression, which conda allows too, is none.</summary>
    public static bool IsOne(string text) => text.Length > 0 && text[0] != '^';

    public bool Fits(string text)
    {
        if (_parts.Length == 1)
        {
            return text == pattern;
        }

        if (!text.StartsWith(_parts[0], StringComparison.Ordinal))
        {
            return false;
        }

        var at = _parts[0].Length;
        foreach (var part in _parts[1..^1])
        {
            var found = text.IndexOf(part, at, StringComparison.Ordinal);
            if (found < 0)
            {
                return false;
            }

            at = found + part.Length;
        }

        return text.Length - at >= _parts[^1].Length && text.EndsWith(_parts[^1], StringComparison.Ordinal);
    }
}
