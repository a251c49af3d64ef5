using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// An event as it is stored permanently: its canonical JSON and the Merkle tree leaf of that. Texts are cut to their lengths, times
/// to microseconds (PostgreSQL keeps no more), before anything is hashed. Any event that could be read as a message becomes an entry.
/// </summary>
public sealed record AuditEntry(AuditEvent Event, ReadOnlyMemory<byte> Bytes, byte[] LeafHash)
{
    /// <summary>Entries longer than this would not fit the two-byte lengths of a tile of entries (C2SP tlog-tiles).</summary>
    public const int MaxBytes = 65_535;

    /// <summary>The name of the log with the events that belong to no organization; the operator reads it.</summary>
    public const string PlatformName = "platform";

    private const int MaxMessage = 2_048;
    private const int MaxUserAgent = 512;
    private const int MaxText = 320;

    public static AuditEntry Of(AuditEventOccurred occurred, long seq, DateTimeOffset recordedAt)
    {
        ArgumentNullException.ThrowIfNull(occurred);
        var actor = occurred.Actor ?? new AuditActor("", null, "");
        var target = occurred.Target ?? new AuditTarget("", null, "");
        var actionKey = Clean(occurred.ActionKey) ?? "";
        var meta = EncodeMeta(occurred.Meta);
        var item = new AuditEvent(
            occurred.EventId, occurred.OrganizationId ?? default,
            occurred.OrganizationId is null ? PlatformName : Clean(occurred.OrganizationName) ?? "", seq,
            AuditActions.CategoryOf.GetValueOrDefault(actionKey, "other"), actionKey, AuditActions.VerbOf(actionKey),
            Clean(actor.Id) ?? "", Clean(actor.Email), Clean(actor.Type) ?? "", Clean(target.Id) ?? "", Clean(target.Email),
            Clean(target.Type) ?? "",
            Clean(occurred.Service) ?? "", Clean(occurred.Message, MaxMessage) ?? "", default, ToMicroseconds(occurred.OccurredAt),
            ToMicroseconds(recordedAt),
            Clean(occurred.SourceAddress), Clean(occurred.UserAgent, MaxUserAgent), Clean(occurred.TraceId), Clean(occurred.RequestId));
        var bytes = Encode(item, meta);
        if (bytes.Length > MaxBytes)
        {
            bytes = Encode(item, CutMeta.Fit(occurred.Meta, meta, MaxBytes - Encode(item, []).Length));
        }

        return new(item, bytes, MerkleHash.Leaf(bytes.Span));
    }

    public static DateTimeOffset ToMicroseconds(DateTimeOffset time) =>
        new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);

    /// <summary>The members in the order that canonical JSON requires.</summary>
    private static ReadOnlyMemory<byte> Encode(AuditEvent item, ReadOnlySpan<byte> meta)
    {
        var to = new ArrayBufferWriter<byte>(1_024 + meta.Length);
        Member(to, "{\"action_key\":"u8, item.ActionKey);
        Member(to, ",\"action_verb\":"u8, item.ActionVerb);
        Member(to, ",\"actor_email\":"u8, item.ActorEmail);
        Member(to, ",\"actor_id\":"u8, item.ActorId);
        Member(to, ",\"actor_type\":"u8, item.ActorType);
        Member(to, ",\"category\":"u8, item.Category);
        Member(to, ",\"created_at\":"u8, Text(item.CreatedAt));
        Member(to, ",\"id\":"u8, item.Id.ToString());
        Member(to, ",\"message\":"u8, item.Message);
        to.Write(",\"meta\":"u8);
        to.Write(meta);
        Member(to, ",\"occurred_at\":"u8, Text(item.OccurredAt));
        Member(to, ",\"org_id\":"u8, item.OrgId.ToString());
        Member(to, ",\"org_name\":"u8, item.OrgName);
        Member(to, ",\"request_id\":"u8, item.RequestId);
        to.Write(",\"seq\":"u8);
        Encoding.ASCII.GetBytes(item.Seq.ToString(CultureInfo.InvariantCulture), to);
        Member(to, ",\"service_name\":"u8, item.ServiceName);
        Member(to, ",\"source_address\":"u8, item.SourceAddress);
        Member(to, ",\"target_email\":"u8, item.TargetEmail);
        Member(to, ",\"target_id\":"u8, item.TargetId);
        Member(to, ",\"target_type\":"u8, item.TargetType);
        Member(to, ",\"trace_id\":"u8, item.TraceId);
        Member(to, ",\"user_agent\":"u8, item.UserAgent);
        to.Write("}"u8);
        return to.WrittenMemory;
    }

    private static void Member(IBufferWriter<byte> to, ReadOnlySpan<byte> name, string? value)
    {
        to.Write(name);
        CanonicalJson.WriteString(to, value);
    }

    private static string Text(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static byte[] EncodeMeta(JsonElement meta)
    {
        if (meta.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            return "{}"u8.ToArray();
        }

        try
        {
            return CanonicalJson.Encode(meta);
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode, so it has no canonical form.
            return CutMeta.Fit(meta, Encoding.UTF8.GetBytes(meta.GetRawText()), MaxBytes);
        }
    }

    /// <summary>Cut to length, without U+0000, which PostgreSQL cannot hold, and without halves of surrogate pairs.</summary>
    private static string? Clean(string? text, int max = MaxText)
    {
        if (text is null)
        {
            return null;
        }

        if (text.Length > max)
        {
            text = text[..(char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)];
        }

        return text.AsSpan().ContainsAny(Unstorable)
            ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\0', '\uFFFD')
            : text;
    }

    private static readonly SearchValues<char> Unstorable = SearchValues.Create(
        [.. Enumerable.Range(0xD800, 0x800).Select(code => (char)code), '\0']);
}
