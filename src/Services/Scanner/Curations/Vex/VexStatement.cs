using System.Text.Json;

using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>A verdict as a VEX document states it, whatever the format.</summary>
/// <param name="Names">The vulnerability's ids, the best first; the first hundred.</param>
/// <param name="Product">What the document says it is about, for the report.</param>
/// <param name="Scope">The matching scope; null when it cannot be curated.</param>
/// <param name="Status">Null when the document gives no verdict.</param>
/// <param name="Problem">Why it cannot be applied; null when it can.</param>
internal sealed record VexStatement(
    string[] Names, string Product, CurationScope? Scope, string? Status, string? Reason, DateTimeOffset StatedAt, string? Problem)
{
    /// <summary>
    /// Begins the note of a disputed finding: neither format has a status for it, both have one for "under investigation".
    /// </summary>
    public const string DisputedMark = "disputed: ";

    /// <summary>
    /// Begins the reason of a verdict of the platform: whoever imports the document holds it by the same rules, or has other rules.
    /// </summary>
    public const string PlatformMark = "platform: ";

    public const string NotOwn = "It is a verdict of the platform, which holds by itself.";

    public const string NoVerdict = "It is under investigation: no verdict yet.";

    private const int MaxNames = 100;
    private const string Unsaid = "Stated by an imported VEX document.";

    /// <summary>A statement about a product, with the reason why it cannot be applied where it cannot.</summary>
    public static VexStatement Of(string[] names, string product, VexProduct about, string? status, string? reason, DateTimeOffset statedAt)
    {
        var text = string.IsNullOrWhiteSpace(reason) ? Unsaid : Shortened(reason.Trim());
        return new(
            [.. names.Take(MaxNames)], product, about.Scope, status, text, statedAt,
            names.Length == 0 ? "It names no vulnerability."
                : about.Problem ?? (status is null ? NoVerdict : text.StartsWith(PlatformMark, StringComparison.Ordinal) ? NotOwn : null));
    }

    // Never in the middle of a surrogate pair, half of which cannot be stored.
    public static string Shortened(string text, int longest = CurateVulnerability.MaxReason)
    {
        if (text.Length <= longest)
        {
            return text;
        }

        var end = longest - 1;
        return text[..(char.IsHighSurrogate(text[end - 1]) ? end - 1 : end)] + "…";
    }

    /// <summary>"Under investigation" is not a verdict, unless our own note says that it is disputed.</summary>
    public static (string? Status, string? Reason) Undecided(string? note) =>
        note?.StartsWith(DisputedMark, StringComparison.Ordinal) == true ? ("disputed", note[DisputedMark.Length..]) : (null, null);
}

/// <summary>What a VEX document is about, as a scope of this organization.</summary>
/// <param name="Problem">Why there is no scope; null when there is one.</param>
internal readonly record struct VexProduct(CurationScope? Scope, string? Problem)
{
    private static readonly CurationScope Whole = new(null, null, null);

    /// <param name="product">A package URL, or the organization's own identifier for the vulnerability as a whole.</param>
    public static VexProduct Of(string product, string organization) =>
        product == organization ? new(Whole, null) : PackageUrl.Read(product);
}

/// <summary>Reads the members of an arbitrary JSON document; a member of the wrong type counts as absent.</summary>
internal static class VexJson
{
    public static JsonElement Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && Has(element, name, out var value) ? value : default;

    public static IEnumerable<JsonElement> Items(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : [];

    /// <summary>A text that can be stored: without control characters but those of lines, whole surrogates only.</summary>
    public static string? Text(this JsonElement element, string name) => element.Member(name).Text();

    public static string? Text(this JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return element.GetString() is { Length: > 0 } text && !PlainText.HoldsControl(text, isMultiLine: true) ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    // System.Text.Json cannot compare a member name that is not valid Unicode.
    private static bool Has(JsonElement element, string name, out JsonElement value)
    {
        try
        {
            return element.TryGetProperty(name, out value);
        }
        catch (InvalidOperationException)
        {
            value = default;
            return false;
        }
    }

    public static DateTimeOffset? Time(this JsonElement element, string name) =>
        element.Text(name) is not null && element.Member(name).TryGetDateTimeOffset(out var time) ? time : null;
}
