using System.Text.Json;

using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Why an environment is warned about or blocked, in few lines. The reasons are kept as the platform sent them, and read leniently: a newer
/// platform may send kinds that this agent does not know, of which it prints the message.
/// </summary>
internal static class ActivationReasons
{
    private const int MostReasons = 5;
    private const int MostFindings = 3;

    /// <param name="headline">The answer's message, which is not repeated.</param>
    public static IEnumerable<string> Lines(JsonElement? reasons, string? headline, Guid? environment)
    {
        if (reasons is not { ValueKind: JsonValueKind.Array } array)
        {
            yield break;
        }

        var all = array.EnumerateArray().Where(reason => reason.ValueKind == JsonValueKind.Object).ToArray();
        var isFixable = false;
        foreach (var reason in all.Take(MostReasons))
        {
            isFixable |= Items(reason, "findings").Any(finding => Text(finding, "vulnerability") is not null);
            foreach (var line in Text(reason, "kind") == "policy" ? OfPolicy(reason, headline) : Other(reason, headline))
            {
                yield return "  " + line;
            }
        }

        if (all.Length > MostReasons)
        {
            yield return $"  and {all.Length - MostReasons} more reasons: 'envplatform check --json' names them all.";
        }

        if (isFixable && environment is { } id)
        {
            yield return $"  What to upgrade: 'envplatform env fix {id}'.";
        }
    }

    private static IEnumerable<string> OfPolicy(JsonElement reason, string? headline)
    {
        var rule = Text(reason, "rule") is { } name ? $", rule {name}" : "";
        var deadline = Time(reason, "deadline") is { } at ? $", blocks from {at} UTC" : "";
        var message = Text(reason, "message") is { Length: > 0 } text && text != headline ? $": {text}" : "";
        yield return $"policy {Text(reason, "policy") ?? "that the platform does not name"}{rule}{deadline}{message}";
        var findings = Items(reason, "findings").ToArray();
        foreach (var finding in findings.Take(MostFindings))
        {
            yield return "  " + Finding(finding);
        }

        var more = Math.Max(findings.Length - MostFindings, 0) + (long)Number(reason, "more_findings");
        if (more > 0)
        {
            yield return $"  and {more} more";
        }

        if (reason.TryGetProperty("unknown", out var unknown) && unknown.ValueKind == JsonValueKind.Array)
        {
            foreach (var sentence in unknown.EnumerateArray().Select(Text).OfType<string>().Take(MostFindings))
            {
                yield return "  not known: " + sentence;
            }
        }
    }

    private static IEnumerable<string> Other(JsonElement reason, string? headline) =>
        Text(reason, "message") is { Length: > 0 } message && message != headline ? [message] : [];

    private static string Finding(JsonElement finding)
    {
        var package = string.Join(' ', new[] { Text(finding, "package"), Text(finding, "version") }.OfType<string>());
        var what = Text(finding, "vulnerability") is not { } vulnerability ? package
            : package.Length == 0 ? vulnerability
            : $"{vulnerability} in {package}";
        var fix = Text(finding, "fix") is { Length: > 0 } known ? $", fix: {known}" : "";
        return (what.Length == 0 ? "a finding without a name" : what) + fix;
    }

    private static IEnumerable<JsonElement> Items(JsonElement root, string name) =>
        root.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array
            ? items.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object) : [];

    private static string? Time(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out var time)
            ? Times.Minute(time) : null;

    private static int Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? Math.Max(number, 0) : 0;

    private static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out var value) ? Text(value) : null;

    /// <summary>Null where it is no text, or no valid Unicode.</summary>
    private static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
