using System.Globalization;

using EnvPlatform.Conda;

namespace EnvPlatform.Policy.Documents;

/// <summary>One value of a condition, read.</summary>
/// <param name="Text">As the canonical form writes it.</param>
internal abstract record Operand(string Text)
{
    /// <summary><c>true</c> or <c>false</c>.</summary>
    internal sealed record Flag(bool Value) : Operand(Value ? "true" : "false");

    /// <summary>A word of a list, an id, or a name.</summary>
    internal sealed record Word(string Text) : Operand(Text);

    /// <summary>A name with asterisks for any characters.</summary>
    internal sealed record Pattern(string Text) : Operand(Text)
    {
        private readonly Glob _glob = new(Text);

        public bool Fits(string text) => _glob.Fits(text);
    }

    /// <summary>A comparison with a number.</summary>
    internal sealed record Bound(Relation Relation, decimal Number)
        : Operand($"{Relations.Write(Relation)} {Number.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>A comparison with a severity.</summary>
    internal sealed record SeverityBound(Relation Relation, Severity Severity)
        : Operand(Relation == Relation.Equal ? Severities.Write(Severity) : $"{Relations.Write(Relation)} {Severities.Write(Severity)}");

    /// <summary>A comparison with the time since something happened.</summary>
    internal sealed record AgeBound(Relation Relation, Duration Duration) : Operand($"{Relations.Write(Relation)} {Duration}");

    /// <summary>A match specification of conda.</summary>
    internal sealed record Packages(MatchSpec Spec) : Operand(Spec.Text);
}

/// <summary>How a comparison compares.</summary>
internal enum Relation
{
    Less, LessOrEqual, Greater, GreaterOrEqual, Equal, NotEqual,
}

internal static class Relations
{
    private static readonly (string Text, Relation Relation)[] Written =
    [
        ("<=", Relation.LessOrEqual), (">=", Relation.GreaterOrEqual), ("==", Relation.Equal), ("!=", Relation.NotEqual),
        ("<", Relation.Less), (">", Relation.Greater),
    ];

    public static string Write(Relation relation) => Written.Single(one => one.Relation == relation).Text;

    /// <summary>The relation in front of a text, equality where there is none, and the rest.</summary>
    public static (Relation Relation, string Bound) Read(string text)
    {
        foreach (var (written, relation) in Written)
        {
            if (text.StartsWith(written, StringComparison.Ordinal))
            {
                return (relation, text[written.Length..].Trim(' '));
            }
        }

        return (Relation.Equal, text);
    }

    /// <param name="order">Of the value to the bound, as of <see cref="IComparable.CompareTo"/>.</param>
    public static bool Holds(this Relation relation, int order) => relation switch
    {
        Relation.Less => order < 0,
        Relation.LessOrEqual => order <= 0,
        Relation.Greater => order > 0,
        Relation.GreaterOrEqual => order >= 0,
        Relation.Equal => order == 0,
        _ => order != 0,
    };
}

/// <summary>Severities in their order (CVSS 3.1, section 5).</summary>
internal enum Severity
{
    None, Low, Medium, High, Critical,
}

internal static class Severities
{
    private static readonly string[] Names = ["none", "low", "medium", "high", "critical"];

    public static string Write(Severity severity) => Names[(int)severity];

    /// <summary>Null for what is none, as for a severity that is not known.</summary>
    public static Severity? Read(string? text) => Array.IndexOf(Names, text) is >= 0 and var index ? (Severity)index : null;
}

/// <summary>A number of hours, days or weeks.</summary>
/// <param name="Unit"><c>h</c>, <c>d</c> or <c>w</c>.</param>
internal readonly record struct Duration(int Number, char Unit)
{
    public TimeSpan Span => Unit switch
    {
        'h' => TimeSpan.FromHours(Number),
        'd' => TimeSpan.FromDays(Number),
        _ => TimeSpan.FromDays(7 * Number),
    };

    /// <summary>In words: 14 days.</summary>
    public string Words => string.Create(CultureInfo.InvariantCulture, $"{Number} {UnitName}{(Number == 1 ? "" : "s")}");

    private string UnitName => Unit switch { 'h' => "hour", 'd' => "day", _ => "week" };

    /// <summary>Reads a text of the form <see cref="Forms.Duration"/>.</summary>
    public static Duration Read(string text) => new(int.Parse(text.AsSpan(..^1), CultureInfo.InvariantCulture), text[^1]);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}{Unit}");
}
