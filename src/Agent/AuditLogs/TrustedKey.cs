using System.Text.Json;

using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>A key whose signature counts, and from when until when; null where that is not known.</summary>
internal sealed record TrustedKey(NoteKey Key, DateTimeOffset? From = null, DateTimeOffset? Until = null)
{
    /// <summary>
    /// Keys from a text: <c>NAME+ID+KEY</c> a line (# begins a comment), or the platform's answer to <c>/api/audit-logs/keys</c>.
    /// </summary>
    /// <exception cref="AgentException">There is no key in it, or something else.</exception>
    public static List<TrustedKey> Parse(string text, string from)
    {
        var keys = text.TrimStart().StartsWith('{') ? OfJson(text, from) : OfLines(text, from);
        return keys.Count > 0 ? keys : throw Wrong(from);
    }

    private static List<TrustedKey> OfLines(string text, string from) =>
    [
        .. text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')
            .Select(line => new TrustedKey(NoteKey.Parse(line) ?? throw Wrong(from))),
    ];

    private static List<TrustedKey> OfJson(string text, string from)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return
            [
                .. document.RootElement.GetProperty("items").EnumerateArray().Select(item => new TrustedKey(
                    NoteKey.Parse(item.GetProperty("key").GetString() ?? "") ?? throw Wrong(from),
                    item.GetProperty("valid_from").GetDateTimeOffset(), item.GetProperty("valid_until").GetDateTimeOffset())),
            ];
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw Wrong(from);
        }
    }

    private static AgentException Wrong(string from) =>
        new($"{from} holds no keys: NAME+ID+KEY a line, or the answer of /api/audit-logs/keys.", ExitCodes.Usage);
}
