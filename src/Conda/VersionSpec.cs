using System.Text.RegularExpressions;

namespace EnvPlatform.Conda;

/// <summary>
/// The versions that a match specification asks for: alternatives (<c>|</c>) of conditions that all hold (<c>,</c>). Parentheses and
/// regular expressions, which channels do not write, are not understood.
/// </summary>
internal sealed partial class VersionSpec
{
    private readonly Condition[][] _alternatives;

    private VersionSpec(Condition[][] alternatives) => _alternatives = alternatives;

    private enum Operator
    {
        Any, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, StartsWith, NotStartsWith, Compatible, Glob,
    }

    /// <summary>Whether every version fits, also a text that is none.</summary>
    public bool IsAny => _alternatives.Any(conditions => conditions.All(condition => condition.Operator == Operator.Any));

    /// <summary>Null where it is not understood.</summary>
    public static VersionSpec? Parse(string text)
    {
        var alternatives = new List<Condition[]>();
        foreach (var alternative in text.Split('|'))
        {
            var conditions = new List<Condition>();
            foreach (var part in alternative.Split(','))
            {
                if (Condition.Parse(part.Trim()) is not { } condition)
                {
                    return null;
                }

                conditions.Add(condition);
            }

            alternatives.Add([.. conditions]);
        }

        return new([.. alternatives]);
    }

    /// <summary>A text that is no version of conda's fits only what any version does.</summary>
    public bool Fits(string version) => _alternatives.Any(conditions => conditions.All(condition => condition.Fits(version)));

    /// <summary>
    /// Whether a version begins with another (<c>1.7.*</c>): the same components, of which the last may go on, where it ends in letters
    /// within them (conda's <c>VersionOrder.startswith</c>).
    /// </summary>
    internal static bool StartsWith(string version, string prefix)
    {
        // What names a rebuild is no part of the version, unless the prefix has one too.
        var local = prefix.Contains('+', StringComparison.Ordinal) ? -1 : version.IndexOf('+', StringComparison.Ordinal);
        var (whole, begin) = (Components(local < 0 ? version : version[..local]), Components(prefix));
        for (var i = 0; i < begin.Count; i++)
        {
            var runs = i < whole.Count ? whole[i] : [];
            var isLast = i == begin.Count - 1;
            for (var j = 0; j < (isLast ? begin[i].Count : Math.Max(begin[i].Count, runs.Count)); j++)
            {
                var (run, wanted) = (j < runs.Count ? runs[j] : "0", j < begin[i].Count ? begin[i][j] : "0");
                var isLastRun = isLast && j == begin[i].Count - 1;
                if (run != wanted && !(isLastRun && !char.IsAsciiDigit(wanted[0]) && run.StartsWith(wanted, StringComparison.Ordinal)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static string EpochOf(string version) => Components(version)[0][0];

    // The epoch, then each component's runs of digits, without leading zeros, and of other characters, with a zero in front of a letter.
    private static List<List<string>> Components(string version)
    {
        var text = version.Trim().ToLowerInvariant();
        var bang = text.IndexOf('!', StringComparison.Ordinal);
        var components = new List<List<string>> { new() { bang > 0 ? Number(text[..bang]) : "0" } };
        foreach (var component in text[(bang + 1)..].Split('.', '_', '-', '+'))
        {
            var runs = new List<string>();
            if (component.Length > 0 && !char.IsAsciiDigit(component[0]))
            {
                runs.Add("0");
            }

            runs.AddRange(Runs().Matches(component).Select(run => char.IsAsciiDigit(run.Value[0]) ? Number(run.Value) : run.Value));
            components.Add(runs);
        }

        return components;
    }

    private static string Number(string digits) => digits.TrimStart('0') is { Length: > 0 } number ? number : "0";

    [GeneratedRegex("[0-9]+|[^0-9]+", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Runs();

    private sealed record Condition(Operator Operator, string Version)
    {
        private static readonly (string Text, Operator Is)[] Written =
        [
            ("==", Operator.Equal), ("!=", Operator.NotEqual), ("<=", Operator.LessOrEqual), (">=", Operator.GreaterOrEqual),
            ("~=", Operator.Compatible), ("<", Operator.Less), (">", Operator.Greater), ("=", Operator.StartsWith),
        ];

        private readonly Glob? _glob = Operator == Operator.Glob ? new Glob(Version) : null;

        // The release that ~=1.4.2 stays within: 1.4.
        private readonly string _line =
            Operator == Operator.Compatible && Version.LastIndexOf('.') is > 0 and var dot ? Version[..dot] : "";

        public static Condition? Parse(string text)
        {
            var (prefix, found) = Array.Find(Written, one => text.StartsWith(one.Text, StringComparison.Ordinal));
            prefix ??= "";
            var version = text[prefix.Length..].Trim();
            if (prefix.Length == 0)
            {
                return text switch
                {
                    "" or "*" => new(Operator.Any, ""),
                    _ when text[0] == '^' => null,
                    _ when !text.EndsWith('*') =>
                        Checked(text.Contains('*', StringComparison.Ordinal) ? Operator.Glob : Operator.Equal, text),
                    _ => Checked(text.AsSpan(0, text.Length - 1).Contains('*') ? Operator.Glob : Operator.StartsWith, text),
                };
            }

            if (version is "*" or "")
            {
                return version == "*" && found is Operator.Equal or Operator.StartsWith or Operator.GreaterOrEqual
                    ? new(Operator.Any, "") : null;
            }

            return version.EndsWith('*')
                ? found switch
                {
                    Operator.NotEqual => Checked(Operator.NotStartsWith, version),
                    Operator.Equal => Checked(Operator.StartsWith, version),
                    Operator.Compatible => null,
                    _ => Checked(found, version),
                }
                : Checked(found, version);
        }

        public bool Fits(string version)
        {
            switch (Operator)
            {
                case Operator.Any:
                    return true;
                case Operator.StartsWith:
                    return StartsWith(version, Version);
                case Operator.NotStartsWith:
                    return !StartsWith(version, Version);
                case Operator.Glob:
                    return _glob!.Fits(version);
            }

            return Compare(version, Version) is { } order && Operator switch
            {
                Operator.Equal => order == 0,
                Operator.NotEqual => order != 0,
                Operator.Less => order < 0,
                Operator.LessOrEqual => order <= 0,
                Operator.Greater => order > 0,
                Operator.GreaterOrEqual => order >= 0,
                _ => order >= 0 && (_line.Length == 0 ? EpochOf(version) == EpochOf(Version) : StartsWith(version, _line)),
            };
        }

        // Null where either is no version.
        private static int? Compare(string a, string b) =>
            CondaVersion.TryParse(a, out var x) && CondaVersion.TryParse(b, out var y) ? x.CompareTo(y) : null;

        private static Condition? Checked(Operator @operator, string version)
        {
            if (@operator == Operator.Glob)
            {
                return new(@operator, version);
            }

            version = version.TrimEnd('*').TrimEnd('.');
            return CondaVersion.TryParse(version, out _) ? new(@operator, version) : null;
        }
    }
}
