using System.Text;

namespace EnvPlatform.Agent.Output;

/// <summary>What the agent prints: answers to standard output, everything else to standard error.</summary>
internal sealed class Screen(Surroundings surroundings)
{
    /// <summary>True where colour is welcome: a terminal, and neither NO_COLOR (no-color.org) nor TERM=dumb is set.</summary>
    public bool HasColour => surroundings.OutIsTerminal && surroundings["NO_COLOR"] is null && surroundings["TERM"] != "dumb";

    public void Line(string text = "") => surroundings.Out.WriteLine(Printable(text));

    /// <summary>A note that is not part of the answer.</summary>
    public void Note(string text) => surroundings.Error.WriteLine(Printable(text));

    public void Warn(string text) => Note("warning: " + text);

    /// <summary>An answer for programs, as the platform sent it.</summary>
    public void Json(ReadOnlySpan<byte> utf8) => surroundings.Out.WriteLine(Encoding.UTF8.GetString(utf8));

    /// <summary>Rows under titles: a table with colour on a terminal, aligned columns elsewhere.</summary>
    /// <param name="wide">Whether a terminal, too, shows every column, however narrow it is.</param>
    public void Table(IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows, bool wide = false)
    {
        if (surroundings.OutIsTerminal)
        {
            TerminalTable.Write(
                surroundings.Out, HasColour, width: null, wide ? [.. columns.Select(column => column with { Optional = false })] : columns,
                rows);
        }
        else
        {
            PlainTable.Write(surroundings.Out, columns, rows);
        }
    }

    /// <summary>Names and values, one a line; null values are left out.</summary>
    public void Fields(params IReadOnlyList<(string Name, string? Value)> fields)
    {
        var present = fields.Where(field => field.Value is not null).ToArray();
        var width = present.Max(field => field.Name.Length) + 2;
        foreach (var (name, value) in present)
        {
            Line(name.PadRight(width) + value);
        }
    }

    /// <summary>The text without control characters: messages and package names from others must not control the terminal.</summary>
    public static string Printable(string text) =>
        text.All(IsHarmless) ? text : string.Concat(text.Select(character => IsHarmless(character) ? character : '\uFFFD'));

    private static bool IsHarmless(char character) => character is '\n' or '\t' || !char.IsControl(character);
}

/// <summary>A column of a table.</summary>
/// <param name="Title">In capitals.</param>
/// <param name="Right">For numbers.</param>
/// <param name="Wraps">Whether a terminal may break its text; text to be copied does not wrap.</param>
/// <param name="Optional">Left out, the last one first, where the terminal is too narrow for all.</param>
internal sealed record Column(string Title, bool Right = false, bool Wraps = false, bool Optional = false);

/// <summary>A cell, with the name of a terminal colour or null.</summary>
internal readonly record struct Cell(string Text, string? Colour = null)
{
    public static implicit operator Cell(string? text) => FromString(text);

    public static implicit operator Cell(int number) => FromInt32(number);

    public static Cell FromString(string? text) => new(text ?? "");

    public static Cell FromInt32(int number) => new(number.ToString());
}
