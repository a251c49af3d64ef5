using Spectre.Console;

namespace EnvPlatform.Agent.Output;

/// <summary>Draws tables on a terminal. The only place that loads Spectre.Console: the activation check must not pay for it.</summary>
internal static class TerminalTable
{
    public static void Write(TextWriter output, bool colour, IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Interactive = InteractionSupport.No,
            Ansi = colour ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = colour ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        foreach (var column in columns)
        {
            var header = new TableColumn(new Text(column.Title, new Style(decoration: Decoration.Bold)));
            header.NoWrap = !column.Wraps;
            table.AddColumn(column.Right ? header.RightAligned() : header);
        }

        foreach (var row in rows)
            table.AddRow(row.Select(cell => new Text(Screen.Printable(cell.Text), cell.Colour is null ? null : Style.Parse(cell.Colour))));
        console.Write(table);
    }
}
