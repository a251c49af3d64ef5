using System.Buffers;
using System.Text.RegularExpressions;

namespace EnvPlatform.Conda;

/// <summary>
/// What conda asks of a package: a name, a version and a build, each of the latter two optional
/// (https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html). It is read as channels write it; what is not
/// understood is no specification rather than one that everything fits.
/// </summary>
internal sealed partial record MatchSpec
{
    private const string Operators = "=!|,<>~";

    private static readonly SearchValues<char> NoBuild = SearchValues.Create("-=,|<>~!");

    private readonly VersionSpec _version;
    private readonly Glob? _build;
    private readonly Glob? _names;

    private MatchSpec(string text, string name, string? channel, VersionSpec version, Glob? build)
    {
        Text = text;
        Name = name;
        Channel = channel;
        _version = version;
        _build = build;
        _names = name.Contains('*', StringComparison.Ordinal) ? new Glob(name) : null;
    }

    /// <summary>In lower case, as packages are called.</summary>
    public string Name { get; }

    /// <summary>The channel that it asks for; null where any will do.</summary>
    public string? Channel { get; }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Whether not every version fits.</summary>
    public bool AsksForVersion => !_version.IsAny;

    public bool AsksForBuild => _build is not null;

    /// <summary>Null where it is not understood.</summary>
    public static MatchSpec? Parse(string text) => Parse(text, Parts());

    /// <summary>The same, but its name may have asterisks for any characters: what people ask for, and no channel does.</summary>
    public static MatchSpec? ParsePattern(string text) => Parse(text, PatternParts());

    /// <summary>Whether a package of this name fits.</summary>
    /// <param name="build">Null where it is not known: it then fits only where none is asked for.</param>
    public bool Fits(string version, string? build) =>
        _version.Fits(version) && (_build is null || (build is not null && _build.Fits(build)));

    /// <param name="name">In lower case.</param>
    public bool FitsName(string name) => _names?.Fits(name) ?? name == Name;

    public bool FitsVersion(string version) => _version.Fits(version);

    public bool FitsBuild(string build) => _build?.Fits(build) ?? true;

    /// <param name="channel">A name (<c>conda-forge</c>); of an address, the last part counts too.</param>
    public bool FitsChannel(string channel) =>
        Channel is null || channel.Equals(Channel, StringComparison.OrdinalIgnoreCase)
            || channel.EndsWith("/" + Channel, StringComparison.OrdinalIgnoreCase);

    private static MatchSpec? Parse(string text, Regex form)
    {
        if (form.Match(text.Trim()) is not { Success: true } parts)
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
            ? new(text, parts.Groups["name"].Value.ToLowerInvariant(),
                parts.Groups["channel"] is { Success: true, Value: var channel } ? channel : null,
                versions, build is null or "*" ? null : new Glob(build))
            : null;
    }

    // Name VERSION BUILD, name VERSION with spaces in it, name=VERSION=BUILD. The build is the last word, unless something before or in it
    // says that it belongs to the version (conda.models.match_spec._parse_version_plus_build).
    private static bool Split(string rest, out string? version, out string? build)
    {
        build = null;
        version = rest.Replace(" ", "", StringComparison.Ordinal);
        var at = rest.LastIndexOfAny([' ', '=']);
        if (at > 0 && rest[at] == '=' ? Operators.Contains(rest[at - 1]) : at <= 0)
        {
            return true;
        }

        var before = rest[..at].TrimEnd(' ');
        var last = rest[(at + 1)..];
        if (before.Length == 0 || last.Length == 0 || Operators.Contains(before[^1]) || last.AsSpan().ContainsAny(NoBuild))
        {
            return last.Length > 0;
        }

        build = last;
        version = before.Replace(" ", "", StringComparison.Ordinal);
        // Several words that no operator joins.
        if (before.Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > 1 } words && !AreJoined(words))
        {
            return false;
        }

        // With a build behind it, =1.2 is 1.2 and nothing that begins with it.
        if (version is ['=', not '=', ..] && !version.AsSpan(1).ContainsAny("=,|"))
        {
            version = version[1..];
        }

        return true;
    }

    private static bool AreJoined(string[] words)
    {
        for (var i = 1; i < words.Length; i++)
        {
            if (!(words[i][0] is '<' or '>' or '=' or '!' or '~' or ',' or '|' || Operators.Contains(words[i - 1][^1])))
            {
                return false;
            }
        }

        return true;
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
        @"^(?:(?<channel>[^\s:\[]+)::)?(?<name>[A-Za-z0-9_][A-Za-z0-9_.+-]*)(?<rest>[^\[\];@]*)(?:\[(?<brackets>[^\[\]]*)\])?$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Parts();

    [GeneratedRegex(
        @"^(?:(?<channel>[^\s:\[]+)::)?(?<name>[A-Za-z0-9_*][A-Za-z0-9_.+*-]*)(?<rest>[^\[\];@]*)(?:\[(?<brackets>[^\[\]]*)\])?$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex PatternParts();

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
