namespace EnvPlatform.Postgres;

/// <summary>
/// SQL that ignores case by the rules of Unicode, and how a letter with marks is put together: <c>NA\u00CFVE</c> is found by
/// <c>nai\u0308ve</c>. <c>ilike</c> and <c>lower</c> alone fold only ASCII where a column or the database has the collation C. Indexes for
/// search are of the same expression.
/// </summary>
public static class Folded
{
    /// <param name="text">The SQL of a text: a constant of the program.</param>
    public static string Of(string text) => $"lower(normalize({text}, NFC) collate \"und-x-icu\")";
}
