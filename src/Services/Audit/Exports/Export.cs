using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>A row of <c>audit_exports</c>.</summary>
/// <param name="Filters">As in the query of the list.</param>
/// <param name="UntilSeq">The size of the log when it was asked for: later events are not in it.</param>
/// <param name="LastRead">The number up to which the log was read.</param>
internal sealed record Export(
    Guid Id, OrganizationId OrgId, string Format, string[] Filters, bool MatchAll, string? Search, DateTimeOffset? FromTime,
    DateTimeOffset? UntilTime, long UntilSeq, string Status, long? Total, long Written, long Bytes, int Parts, long LastRead,
    long? FirstSeq, long? LastSeq, byte[]? Sha256, string? Checkpoint, string? Error, int Attempts, DateTimeOffset CreatedAt,
    DateTimeOffset? CompletedAt, DateTimeOffset ExpiresAt)
{
    public const string Pending = "pending";
    public const string Completed = "completed";
    public const string Failed = "failed";

    public const string Columns =
        """
        id, org_id, format, filters, match_all, search, from_time, until_time, until_seq, status, total, written, bytes, parts, last_read,
        first_seq, last_seq, sha256, checkpoint, error, attempts, created_at, completed_at, expires_at
        """;

    /// <summary>The events that it holds.</summary>
    public AuditQuery Query => AuditQuery.Of(OrgId, Filters, MatchAll, Search, FromTime, UntilTime);

    public string FileName => $"audit-log-{Id}";

    /// <summary>Null for one that is not there, is another organization's, or has expired.</summary>
    public static Task<Export?> FindAsync(
        NpgsqlDataSource db, OrganizationId log, string id, DateTimeOffset now, CancellationToken ct) => Guid.TryParse(id, out var key)
        ? db.QuerySingleOrDefaultAsync<Export>(
            $"select {Columns} from audit_exports where id = @key and org_id = @log and expires_at > @now", new { key, log, now }, ct)
        : Task.FromResult<Export?>(null);
}
