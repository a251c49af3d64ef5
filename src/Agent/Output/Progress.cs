using System.Globalization;

namespace EnvPlatform.Agent.Output;

/// <summary>
/// Shows the progress of long work on standard error: one line with a bar on a terminal, removed at the end; elsewhere, on request, a line
/// when a step begins and every ten seconds.
/// </summary>
internal sealed class Progress(Surroundings surroundings, bool alsoPlain = false) : IDisposable
{
    private const int BarWidth = 24;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainPace = TimeSpan.FromSeconds(10);
    private string? _step;
    private long _lastAt;
    private int _width;

    /// <summary>Shows a text in place of the previous one; calls in quick succession are skipped.</summary>
    public void Show(string text) => Show("", text, null);

    /// <summary>Shows the progress of a step.</summary>
    /// <param name="done">From 0 to 1; null where unknown.</param>
    public void Show(string step, string detail, double? done)
    {
        var isNew = step != _step;
        var pace = surroundings.ErrorIsTerminal ? Pace : PlainPace;
        if ((!surroundings.ErrorIsTerminal && !alsoPlain) || (!isNew && surroundings.Clock.GetElapsedTime(_lastAt) < pace))
        {
            return;
        }

        (_step, _lastAt) = (step, surroundings.Clock.GetTimestamp());
        var text = Screen.Printable(string.Join(' ', new[] { step, detail }.Where(part => part.Length > 0))).ReplaceLineEndings(" ");
        if (!surroundings.ErrorIsTerminal)
        {
            surroundings.Error.WriteLine(text + Percent(done));
            return;
        }

        text = Bar(done) + text;
        surroundings.Error.Write("\r" + text.PadRight(_width));
        _width = text.Length;
    }

    /// <summary>Removes the line.</summary>
    public void Dispose()
    {
        if (_width > 0)
        {
            surroundings.Error.Write("\r" + new string(' ', _width) + "\r");
        }

        _width = 0;
        _step = null;
    }

    private static string Percent(double? done) =>
        done is { } part ? string.Create(CultureInfo.InvariantCulture, $" ({Math.Clamp(part, 0, 1) * 100:0} %)") : "";

    private static string Bar(double? done)
    {
        if (done is not { } part)
        {
            return "";
        }

        var full = (int)(Math.Clamp(part, 0, 1) * BarWidth);
        return $"[{new string('#', full)}{new string('.', BarWidth - full)}] ";
    }
}
