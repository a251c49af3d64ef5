namespace EnvPlatform.Agent.Output;

/// <summary>Aligned columns without decoration, for pipes and log files.</summary>
internal static class PlainTable
{
    public static void Write(TextWriter output, IReadOnlyList<Column> columns, IReadOnlyList<Cell[]> rows)
    {
        var lines = rows.Select(row => row.Select(cell => Screen.Printable(cell.Text).ReplaceLineEndings(" ")).ToArray())
            .Prepend([.. columns.Select(column => column.Title)])
            .ToArray();
        var widths = columns.Select((_, at) => lines.Max(line => line[at].Length)).ToArray();
        foreach (var line in lines)
        {
            output.WriteLine(string.Join(
                "  ", line.Select((cell, at) => columns[at].Right ? cell.PadLeft(widths[at]) : cell.PadRight(widths[at]))).TrimEnd());
        }
    }
}
