using System.Buffers;

namespace EnvPlatform.ServiceDefaults;

/// <summary>A text of a request that may have several lines: line feeds, with a carriage return before them or not, and tabs.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class MultiLineAttribute : Attribute;

/// <summary>Text as people read it: on a terminal, what is not may hide or forge what stands before it.</summary>
public static class PlainText
{
    private static readonly SearchValues<char> Control =
        SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(code => (char)code).Where(char.IsControl)]);

    /// <summary>Whether the text holds a control character (C0, DEL, C1) that does not belong there.</summary>
    public static bool HoldsControl(ReadOnlySpan<char> text, bool isMultiLine = false)
    {
        for (int at; (at = text.IndexOfAny(Control)) >= 0; text = text[(at + 1)..])
        {
            if (!isMultiLine || !(text[at] is '\n' or '\t' || text[at..].StartsWith("\r\n")))
            {
                return true;
            }
        }

        return false;
    }
}
