using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>A receiver of the log, and how it stands with it.</summary>
/// <param name="Kind">webhook, splunk_hec or syslog.</param>
/// <param name="Format">jsonl, cloudevents, ocsf or cef.</param>
/// <param name="Q">Filters, as in the list of events.</param>
/// <param name="SearchOperator">or, and.</param>
/// <param name="Authorities">PEM certificates of who may have signed the receiver's; null: whom this platform trusts.</param>
/// <param name="State">active; paused by somebody; stopped because it received nothing for days.</param>
/// <param name="Health">ok; waiting: nothing was sent yet; failing: the last attempt failed.</param>
/// <param name="LastSeq">Everything up to it was received, left out by the filters, or given up.</param>
/// <param name="Lag">Events of the log after <paramref name="LastSeq"/>; of some the filters may leave out.</param>
/// <param name="Delivered">Events that were received; of those sent twice, twice.</param>
/// <param name="DeadLetters">Events that the receiver refused again and again, and that were passed over.</param>
/// <param name="NextAttemptAt">Null where it is not waiting for another attempt.</param>
public sealed record SinkView(
    SinkId Id, string Name, string Kind, string Address, string Format, IReadOnlyList<string> Q, string SearchOperator,
    string? Authorities, string State, string Health, long LastSeq, long Lag, long Delivered, long DeadLetters,
    DateTimeOffset? LastDeliveredAt, int FailedAttempts, DateTimeOffset? FailingSince, string? LastError, DateTimeOffset? LastErrorAt,
    DateTimeOffset? NextAttemptAt, long Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string? Secret = null)
{
    internal const string From =
        """
        from audit_sinks s
        left join audit_heads h on h.org_id = s.org_id
        left join lateral (select count(*) as dead from audit_dead_letters d where d.org_id = s.org_id and d.sink_id = s.sink_id) d on true
        where s.org_id = @organization
        """;

    internal static async Task<IReadOnlyList<SinkView>> ListAsync(NpgsqlDataSource db, OrganizationId organization, CancellationToken ct) =>
    [
        .. (await db.QueryAsync<Row>($"select {Columns} {From} order by s.created_at, s.sink_id", new { organization }, ct)).Select(Of),
    ];

    internal static async Task<SinkView?> FindAsync(NpgsqlDataSource db, OrganizationId organization, SinkId id, CancellationToken ct) =>
        await db.QuerySingleOrDefaultAsync<Row>($"select {Columns} {From} and s.sink_id = @id", new { organization, id }, ct) is { } row
            ? Of(row) : null;

    private const string Columns =
        """
        s.sink_id, s.name, s.kind, s.address, s.format, s.filters, s.match_all, s.authorities, s.state, s.last_seq, s.delivered,
        s.last_delivered_at, s.attempts, s.failing_since, s.last_error, s.last_error_at, s.next_at, s.version, s.created_at, s.updated_at,
        coalesce(h.size, 0) as size, d.dead
        """;

    private static SinkView Of(Row row) => new(
        row.SinkId, row.Name, row.Kind, row.Address, row.Format, row.Filters, row.MatchAll ? "and" : "or", row.Authorities, row.State,
        row.Attempts > 0 ? "failing" : row.LastDeliveredAt is null ? "waiting" : "ok",
        row.LastSeq, Math.Max(0, row.Size - row.LastSeq), row.Delivered, row.Dead, row.LastDeliveredAt, row.Attempts, row.FailingSince,
        row.LastError, row.LastErrorAt, row.Attempts > 0 && row.State == Sink.Active ? row.NextAt : null, row.Version, row.CreatedAt,
        row.UpdatedAt);

    private sealed record Row(
        SinkId SinkId, string Name, string Kind, string Address, string Format, string[] Filters, bool MatchAll, string? Authorities,
        string State, long LastSeq, long Delivered, DateTimeOffset? LastDeliveredAt, int Attempts, DateTimeOffset? FailingSince,
        string? LastError, DateTimeOffset? LastErrorAt, DateTimeOffset NextAt, long Version, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt, long Size, long Dead);
}
