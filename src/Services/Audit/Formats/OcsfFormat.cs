using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Audit.Formats;

/// <summary>
/// Open Cybersecurity Schema Framework 1.8, one event a line. Sign-ins are Authentication (3002), changes of members Account Change (3001),
/// of groups Group Management (3006), everything else API Activity (6003). What has no place in a class is in <c>unmapped</c>.
/// </summary>
internal static class OcsfFormat
{
    /// <summary>Of the mapping, in <c>metadata.log_version</c>: it changes when the same event is mapped otherwise.</summary>
    private const string MappingVersion = "1";

    private const string Version = "1.8.0";
    private const int Other = 99;

    public static byte[] Line(AuditEvent item)
    {
        var (classUid, activity) = ClassOf(item.ActionKey, item.ActionVerb);
        var isFailure = item.ActionKey is "authentication_failure" or "permission_denied" or "activation_blocked"
            || item.ActionKey.EndsWith("_refused", StringComparison.Ordinal)
            || item.ActionKey.EndsWith("_failed", StringComparison.Ordinal);
        var user = new Dictionary<string, object?>
        {
            ["uid"] = item.ActorId,
            ["email_addr"] = item.ActorEmail,
            ["type_id"] = item.ActorType switch { "user" => 1, "system" => 3, _ => Other },
            ["type"] = item.ActorType,
        };
        var line = new Dictionary<string, object?>
        {
            ["activity_id"] = activity,
            ["activity_name"] = DisplayName.Of(item.ActionKey),
            ["category_uid"] = classUid / 1_000,
            ["class_uid"] = classUid,
            ["type_uid"] = classUid * 100 + activity,
            ["time"] = item.OccurredAt.ToUnixTimeMilliseconds(),
            ["severity_id"] = CefFormat.Severity(item.ActionKey) switch { >= 7 => 4, >= 5 => 3, _ => 1 },
            ["status_id"] = isFailure ? 2 : 1,
            ["message"] = item.Message,
            ["metadata"] = new Dictionary<string, object?>
            {
                ["version"] = Version,
                ["uid"] = item.Id.ToString(),
                ["sequence"] = item.Seq,
                ["event_code"] = item.ActionKey,
                ["log_name"] = "audit-log",
                ["log_version"] = MappingVersion,
                ["logged_time"] = item.CreatedAt.ToUnixTimeMilliseconds(),
                ["correlation_uid"] = item.TraceId,
                ["tenant_uid"] = item.OrgId.ToString(),
                ["product"] = new Dictionary<string, object?> { ["name"] = "EnvPlatform", ["vendor_name"] = "EnvPlatform" },
            },
            ["actor"] = new Dictionary<string, object?> { ["user"] = user },
            ["src_endpoint"] = new Dictionary<string, object?>
            {
                ["ip"] = item.SourceAddress,
                ["name"] = item.SourceAddress is null ? item.ServiceName : null,
            },
            ["http_request"] = item.UserAgent is null && item.RequestId is null ? null : new Dictionary<string, object?>
            {
                ["user_agent"] = item.UserAgent,
                ["uid"] = item.RequestId,
            },
            ["unmapped"] = new Dictionary<string, object?>
            {
                ["category"] = item.Category,
                ["org_name"] = item.OrgName,
                ["target_id"] = item.TargetId,
                ["target_type"] = item.TargetType,
                ["target_email"] = item.TargetEmail,
                ["meta"] = item.Meta,
            },
        };
        var target = new Dictionary<string, object?> { ["uid"] = item.TargetId, ["email_addr"] = item.TargetEmail };
        switch (classUid)
        {
            case 3001:
                line["user"] = target;
                break;
            case 3002:
                line["user"] = user;
                break;
            case 3006:
                line["group"] = new Dictionary<string, object?> { ["uid"] = item.TargetId };
                break;
            default:
                line["api"] = new Dictionary<string, object?>
                {
                    ["operation"] = item.ActionKey,
                    ["service"] = new Dictionary<string, object?> { ["name"] = item.ServiceName },
                };
                line["resources"] = new[]
                {
                    new Dictionary<string, object?> { ["uid"] = item.TargetId, ["type"] = item.TargetType },
                };
                break;
        }

        return [.. JsonSerializer.SerializeToUtf8Bytes(WithoutNulls(line), Json.Options), (byte)'\n'];
    }

    private static (int Class, int Activity) ClassOf(string actionKey, string verb) => actionKey switch
    {
        "authentication_success" or "authentication_failure" => (3002, 1),
        "step_up_failed" => (3002, Other),
        "organization_user_added" => (3001, 1),
        "organization_user_removed" => (3001, 6),
        "organization_user_updated" => (3001, Other),
        "user_added_to_group" => (3006, 3),
        "user_removed_from_group" => (3006, 4),
        "user_group_created" => (3006, 6),
        "user_group_deleted" => (3006, 5),
        _ => (6003, verb switch
        {
            "created" or "registered" or "added" or "logged" or "imported" or "assigned" => 1,
            "exported" or "downloaded" or "requested" => 2,
            "updated" or "changed" or "renamed" or "curated" or "archived" or "unarchived" or "restored" => 3,
            "deleted" or "removed" or "revoked" or "erased" or "unassigned" => 4,
            _ => Other,
        }),
    };

    /// <summary>An attribute that is not known is absent (OCSF has no null).</summary>
    private static object? WithoutNulls(object? value) => value switch
    {
        Dictionary<string, object?> members => members.Where(member => member.Value is not null)
            .ToDictionary(member => member.Key, member => WithoutNulls(member.Value)),
        Dictionary<string, object?>[] items => items.Select(WithoutNulls).ToArray(),
        _ => value,
    };
}
