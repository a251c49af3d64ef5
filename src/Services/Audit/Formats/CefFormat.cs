using System.Globalization;
using System.Text;

using EnvPlatform.Audit.AuditLogs;

namespace EnvPlatform.Audit.Formats;

/// <summary>ArcSight's Common Event Format, version 0: a header of seven fields, then keys and values; one event a line.</summary>
internal static class CefFormat
{
    public static byte[] Line(AuditEvent item)
    {
        var text = new StringBuilder("CEF:0|EnvPlatform|EnvPlatform|1|")
            .Append(Header(item.ActionKey)).Append('|').Append(Header(DisplayName.Of(item.ActionKey))).Append('|')
            .Append(Severity(item.ActionKey).ToString(CultureInfo.InvariantCulture)).Append('|');
        (string Key, string? Value)[] fields =
        [
            ("rt", item.OccurredAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)),
            ("externalId", item.Id.ToString()), ("cat", item.Category), ("act", item.ActionKey), ("suid", item.ActorId),
            ("suser", item.ActorEmail), ("duid", item.TargetId), ("duser", item.TargetEmail), ("src", item.SourceAddress),
            ("requestClientApplication", item.UserAgent), ("sourceServiceName", item.ServiceName), ("msg", item.Message),
            ("cn1Label", "seq"), ("cn1", item.Seq.ToString(CultureInfo.InvariantCulture)), ("cs1Label", "organization"),
            ("cs1", item.OrgName), ("cs2Label", "targetType"), ("cs2", item.TargetType), ("cs3Label", "traceId"), ("cs3", item.TraceId),
            ("cs4Label", "meta"), ("cs4", item.Meta.GetRawText()),
        ];
        text.AppendJoin(' ', fields.Where(field => field.Value is { Length: > 0 }).Select(field => $"{field.Key}={Value(field.Value!)}"));
        return Encoding.UTF8.GetBytes(text.Append('\n').ToString());
    }

    /// <summary>0 to 10.</summary>
    internal static int Severity(string actionKey) => actionKey switch
    {
        "authentication_failure" or "step_up_failed" or "permission_denied" or "audit_event_refused" => 6,
        "activation_blocked" or "organization_deleted" or "organization_erased" => 7,
        _ when actionKey.EndsWith("_deleted", StringComparison.Ordinal) || actionKey.EndsWith("_refused", StringComparison.Ordinal)
            || actionKey.EndsWith("_revoked", StringComparison.Ordinal) || actionKey.EndsWith("_failed", StringComparison.Ordinal) => 5,
        _ => 3,
    };

    private static string Header(string text) =>
        OneLine(text).Replace(@"\", @"\\", StringComparison.Ordinal).Replace("|", @"\|", StringComparison.Ordinal);

    private static string Value(string text) => text.Replace(@"\", @"\\", StringComparison.Ordinal)
        .Replace("=", @"\=", StringComparison.Ordinal).Replace("\r", @"\r", StringComparison.Ordinal)
        .Replace("\n", @"\n", StringComparison.Ordinal);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
