namespace EnvPlatform.Postgres;

/// <summary>
/// Patterns for <c>like</c> and <c>ilike</c> from a caller's text, in which <c>%</c>, <c>_</c> and the escape character <c>\</c> stand for
/// themselves (PostgreSQL, "Pattern Matching"). Give them as parameters.
/// </summary>
public static class LikePattern
{
    public static string Containing(string text) => $"%{Escape(text)}%";

    public static string BeginningWith(string text) => Escape(text) + "%";

    /// <summary>The whole value, where <c>*</c> in the text stands for any text.</summary>
    public static string WithWildcards(string text) => Escape(text).Replace('*', '%');

    private static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal)
            .Replace("_", "\\_", StringComparison.Ordinal);
    }
}
