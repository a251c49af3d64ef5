using Spectre.Console;

namespace EnvPlatform.Agent.Output;

/// <summary>Draws tables on a terminal. The only place that loads Spectre.Console: the activation check must not load it.</summary>
internal static class TerminalTable
{
    private const int LeastWrapped = 10;

    /// <summary>
    /// Leaves optional columns out until the table fits, and draws plain columns where it still does not: an id that is broken over lines
    /// cannot be copied.
    /// </summary>
    /// <param name="width">Characters in a line; null for those of the terminal.</param>
    public static void Write(TextWriter output, bool colour, int? width, IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Interactive = InteractionSupport.No,
            Ansi = colour ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = colour ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        console.Profile.Width = width ?? console.Profile.Width;
        var shown = Fitting(columns, rows, console.Profile.Width);
        if (WidthOf(shown, columns, rows) > console.Profile.Width)
        {
            PlainTable.Write(output, [.. shown.Select(at => columns[at])], [.. rows.Select(row => shown.Select(at => row[at]).ToArray())]);
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        foreach (var column in shown.Select(at => columns[at]))
        {
            var header = new TableColumn(new Text(column.Title, new Style(decoration: Decoration.Bold)));
            header.NoWrap = !column.Wraps;
            table.AddColumn(column.Right ? header.RightAligned() : header);
        }

        foreach (var row in rows)
        {
            table.AddRow(shown.Select(
                at => new Text(Screen.Printable(row[at].Text), row[at].Colour is { } style ? Style.Parse(style) : Style.Plain)));
        }

        console.Write(table);
    }

    /// <summary>The indexes of the columns to show.</summary>
    private static List<int> Fitting(IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows, int width)
    {
        var shown = Enumerable.Range(0, columns.Count).ToList();
        while (WidthOf(shown, columns, rows) > width && shown.FindLastIndex(at => columns[at].Optional) is >= 0 and var last)
        {
            shown.RemoveAt(last);
        }

        return shown;
    }

    /// <summary>The minimum width of the table, with its borders and padding.</summary>
    private static int WidthOf(List<int> shown, IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows) =>
        1 + shown.Sum(at =>
        {
            var longest = rows.Select(row => row[at].Text.Length).Append(columns[at].Title.Length).Max();
            return 3 + (columns[at].Wraps ? Math.Min(longest, Math.Max(LeastWrapped, columns[at].Title.Length)) : longest);
        });
}
