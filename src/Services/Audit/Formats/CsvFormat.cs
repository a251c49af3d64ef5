using System.Globalization;
using System.Text;

using EnvPlatform.Audit.AuditLogs;

namespace EnvPlatform.Audit.Formats;

/// <summary>
/// Comma-separated values (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection).
/// </summary>
internal static class CsvFormat
{
    private static readonly string[] Names =
    [
        "seq", "id", "occurred_at", "created_at", "org_id", "org_name", "category", "action_key", "action_verb", "actor_type", "actor_id",
        "actor_email", "target_type", "target_id", "target_email", "service_name", "message", "source_address", "user_agent", "trace_id",
        "request_id", "meta",
    ];

    public static byte[] Header { get; } = Join(Names);

    public static byte[] Line(AuditEvent item) => Join(
    [
        item.Seq.ToString(CultureInfo.InvariantCulture), item.Id.ToString(), Times.Text(item.OccurredAt), Times.Text(item.CreatedAt),
        item.OrgId.ToString(), item.OrgName, item.Category, item.ActionKey, item.ActionVerb, item.ActorType, item.ActorId, item.ActorEmail,
        item.TargetType, item.TargetId, item.TargetEmail, item.ServiceName, item.Message, item.SourceAddress, item.UserAgent, item.TraceId,
        item.RequestId, item.Meta.GetRawText(),
    ]);

    private static byte[] Join(IEnumerable<string?> cells) => Encoding.UTF8.GetBytes(string.Join(',', cells.Select(Cell)) + "\r\n");

    private static string Cell(string? text)
    {
        if (text is null or "")
        {
            return "";
        }

        if (text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n')
        {
            text = "'" + text;
        }

        return text.AsSpan().ContainsAny("\",\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
