using System.Globalization;
using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Audit.Formats;

/// <summary>
/// CloudEvents 1.0, structured mode in JSON, one event a line. <c>sequence</c> is the extension of that name. No event is over 64 KiB,
/// which is all that intermediaries have to forward: where it would be, the details are left out and their size is said.
/// </summary>
internal static class CloudEventsFormat
{
    private const int MaxLength = 65_536;

    public static byte[] Line(AuditEvent item)
    {
        var line = Encode(item);
        return line.Length <= MaxLength ? line : Encode(item with
        {
            Meta = JsonSerializer.SerializeToElement(new { truncated = new { size = item.Meta.GetRawText().Length } }, Json.Options),
        });
    }

    private static byte[] Encode(AuditEvent item)
    {
        // Names of attributes are lower-case letters and digits.
        var line = new Dictionary<string, object?>
        {
            ["specversion"] = "1.0",
            ["id"] = item.Id.ToString(),
            ["source"] = $"urn:envplatform:audit-log:{item.OrgId}",
            ["type"] = $"org.envplatform.audit.{item.ActionKey}",
            ["subject"] = $"{item.TargetType}/{item.TargetId}",
            ["time"] = Times.Text(item.OccurredAt),
            ["datacontenttype"] = "application/json",
            ["sequence"] = item.Seq.ToString("D20", CultureInfo.InvariantCulture),
            ["data"] = item,
        };
        return [.. JsonSerializer.SerializeToUtf8Bytes(line, Json.Options), (byte)'\n'];
    }
}
