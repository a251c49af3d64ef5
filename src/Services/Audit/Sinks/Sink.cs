using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Audit.Sinks;

/// <summary>A row of <c>audit_sinks</c>.</summary>
/// <param name="LastSeq">Everything up to it was received, left out by filters, or given up.</param>
/// <param name="Attempts">In a row, that failed.</param>
internal sealed record Sink(
    OrganizationId OrgId, SinkId SinkId, string Name, string Kind, string Address, string Format, string[] Filters, bool MatchAll,
    string? Authorities, byte[]? Secret, byte[]? OldSecret, DateTimeOffset? OldSecretUntil, string State, long LastSeq, long Delivered,
    DateTimeOffset? LastDeliveredAt, int Attempts, DateTimeOffset? FailingSince, string? LastError, DateTimeOffset? LastErrorAt,
    DateTimeOffset NextAt, long Version, DateTimeOffset CreatedAt, SubjectId CreatedBy, DateTimeOffset UpdatedAt)
{
    public const string Webhook = "webhook";
    public const string SplunkHec = "splunk_hec";
    public const string Syslog = "syslog";
    public const string Active = "active";
    public const string Paused = "paused";
    public const string Stopped = "stopped";

    /// <summary>With <c>audit_sinks</c> as <c>s</c>.</summary>
    public const string Columns =
        """
        s.org_id, s.sink_id, s.name, s.kind, s.address, s.format, s.filters, s.match_all, s.authorities, s.secret, s.old_secret,
        s.old_secret_until, s.state, s.last_seq, s.delivered, s.last_delivered_at, s.attempts, s.failing_since, s.last_error,
        s.last_error_at, s.next_at, s.version, s.created_at, s.created_by, s.updated_at
        """;

    /// <summary>The events that it is for.</summary>
    public AuditQuery Query => AuditQuery.Of(OrgId, Filters, MatchAll, null, null, null);

    /// <summary>What the audit log shows of it.</summary>
    public SinkFields Fields => new(Name, Kind, Address, Format, Filters, MatchAll ? "and" : "or", Authorities);

    public AuditTarget Target => new($"{SinkId}", null, "audit_sink");

    public static Task<Sink?> LockAsync(Tx tx, OrganizationId organization, SinkId id) => tx.QuerySingleOrDefaultAsync<Sink>(
        $"select {Columns} from audit_sinks s where s.org_id = @organization and s.sink_id = @id for update", new { organization, id });
}

/// <summary>What people say of a sink, without its secret.</summary>
internal sealed record SinkFields(
    string Name, string Kind, string Address, string Format, IReadOnlyList<string> Q, string SearchOperator, string? Authorities);
