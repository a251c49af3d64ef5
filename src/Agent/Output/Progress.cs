namespace EnvPlatform.Agent.Output;

/// <summary>One line on standard error that says how far long work is; only where that is a terminal.</summary>
internal sealed class Progress(Surroundings surroundings) : IDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);
    private long _lastAt;
    private int _width;

    /// <summary>Shows a text instead of the one before; calls in quick succession are skipped.</summary>
    public void Show(string text)
    {
        if (!surroundings.ErrorIsTerminal || (_width > 0 && surroundings.Clock.GetElapsedTime(_lastAt) < Pace))
            return;
        _lastAt = surroundings.Clock.GetTimestamp();
        text = Screen.Printable(text);
        surroundings.Error.Write("\r" + text.PadRight(_width));
        _width = text.Length;
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_width > 0)
            surroundings.Error.Write("\r" + new string(' ', _width) + "\r");
        _width = 0;
    }
}
