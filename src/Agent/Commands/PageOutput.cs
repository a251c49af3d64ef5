using System.Text.Json.Serialization.Metadata;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>How every list is shown: as the platform sent it, or as a table with a line for the total.</summary>
internal static class PageOutput
{
    /// <param name="noun">What the items are called, in a plural that ends with s.</param>
    public static int Show<T>(
        Surroundings surroundings, PlatformAnswer answer, bool asJson, JsonTypeInfo<Page<T>> type, string noun,
        IReadOnlyList<Column> columns, Func<T, Cell[]> row)
    {
        var screen = new Screen(surroundings);
        if (asJson)
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        Show(surroundings, answer.As(type), noun, columns, row);
        return ExitCodes.Fine;
    }

    /// <summary>A page as a table, and the total.</summary>
    public static void Show<T>(
        Surroundings surroundings, Page<T> page, string noun, IReadOnlyList<Column> columns, Func<T, Cell[]> row)
    {
        var screen = new Screen(surroundings);
        if (page.Items.Count > 0)
        {
            screen.Table(columns, [.. page.Items.Select(row)]);
        }

        var counted = page.TotalCount == 1 ? $"1 {noun[..^1]}." : $"{page.TotalCount} {noun}.";
        screen.Line(page.TotalCount > page.Items.Count ? $"{page.Items.Count} of {counted}" : counted);
    }
}
