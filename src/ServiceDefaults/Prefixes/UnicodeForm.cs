using System.Text;

using ADRaffy.ENSNormalize;

namespace EnvPlatform.ServiceDefaults.Prefixes;

/// <summary>
/// Unicode normalization (UAX 15). The services run without ICU (<c>InvariantGlobalization</c>), where <see cref="string.Normalize()"/>
/// returns text that is not ASCII unchanged.
/// </summary>
public static class UnicodeForm
{
    /// <summary>Canonical composition. Text with half a surrogate pair has no such form and is returned as it is.</summary>
    public static string Nfc(string text) => Apply(text, ENSNormalize.NF.NFC);

    /// <summary>Canonical decomposition. Text with half a surrogate pair has no such form and is returned as it is.</summary>
    public static string Nfd(string text) => Apply(text, ENSNormalize.NF.NFD);

    private static string Apply(string text, Func<string, string> form)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Ascii.IsValid(text) || !IsWellFormed(text) ? text : form(text);
    }

    /// <summary>Whether the text holds no half of a surrogate pair: such text can be neither compared nor stored.</summary>
    public static bool IsWellFormed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
            {
                return false;
            }
        }

        return true;
    }
}
