using EnvPlatform.Audit.Proofs;
using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.Transparency;

using MassTransit;

using Npgsql;

using NpgsqlTypes;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// Appends a batch of events to the logs of their organizations in one transaction: lock the heads, skip what is stored already, number the
/// rest, copy, grow the trees, advance the heads. A database sequence would number events in another order than that of their commits, and
/// leave gaps.
/// </summary>
internal sealed class AppendEvents(NpgsqlDataSource db, AuditPartitions partitions, TimeProvider clock)
    : IConsumer<Batch<AuditEventOccurred>>
{
    private const short EntryFormat = 1;

    public async Task Consume(ConsumeContext<Batch<AuditEventOccurred>> context)
    {
        var ct = context.CancellationToken;
        var now = clock.GetUtcNow();
        var events = Believed.Of(context.Message, now).DistinctBy(occurred => (Of(occurred), occurred.EventId))
            .OrderBy(Of).ThenBy(occurred => occurred.OccurredAt).ThenBy(occurred => occurred.EventId).ToList();
        await partitions.EnsureAsync(now, ct);
        await using var tx = await db.BeginAsync(ct);
        var heads = await LockHeadsAsync(tx, [.. events.Select(Of).Distinct()]);
        var known = await KnownAsync(tx, events);
        now = clock.GetUtcNow();
        var entries = new List<AuditEntry>(events.Count);
        foreach (var organization in events.Where(occurred => !known.Contains((Of(occurred), occurred.EventId))).GroupBy(Of))
        {
            var head = heads[organization.Key];
            // The clocks of two instances may differ; within a log time never runs backwards.
            var recordedAt = head.LastRecordedAt > now ? head.LastRecordedAt : now;
            var name = organization.Select(occurred => occurred.OrganizationName).LastOrDefault(given => given is { Length: > 0 })
                ?? head.OrgName;
            entries.AddRange(organization.Select((occurred, i) => AuditEntry.Of(
                occurred.OrganizationName is { Length: > 0 } ? occurred : occurred with { OrganizationName = name ?? "" },
                head.Size + 1 + i, recordedAt)));
        }

        if (entries.Count > 0)
        {
            await CopyAsync(tx, entries, ct);
            await MoveHeadsAsync(tx, entries, await GrowTreesAsync(tx, heads, entries, ct));
            await tx.ExecuteAsync(FollowAppends.Notify);
        }

        await tx.CommitAsync();
    }

    private static Guid Of(AuditEventOccurred occurred) => occurred.OrganizationId?.Value ?? Guid.Empty;

    /// <summary>In the order of their ids, to avoid deadlocks between instances.</summary>
    private static async Task<Dictionary<Guid, Head>> LockHeadsAsync(Tx tx, Guid[] organizations)
    {
        const string Lock =
            """
            select org_id, size, last_recorded_at, org_name, tree_size, tree_edge from audit_heads
            where org_id = any(@organizations) order by org_id for update
            """;
        var heads = await tx.QueryAsync<Head>(Lock, new { organizations });
        if (heads.Count < organizations.Length)
        {
            await tx.ExecuteAsync(
                """
                insert into audit_heads (org_id, last_recorded_at)
                select id, '2000-01-01 00:00:00+00' from unnest(@organizations) as id order by id
                on conflict do nothing
                """, new { organizations });
            heads = await tx.QueryAsync<Head>(Lock, new { organizations });
        }

        return heads.ToDictionary(head => head.OrgId.Value);
    }

    private static async Task<HashSet<(Guid, Guid)>> KnownAsync(Tx tx, List<AuditEventOccurred> events) =>
        [.. await tx.QueryAsync<(Guid, Guid)>(
            "select org_id, event_id from audit_event_ids where (org_id, event_id) in (select * from unnest(@Organizations, @Events))",
            new { Organizations = events.Select(Of).ToArray(), Events = events.Select(occurred => occurred.EventId).ToArray() })];

    private static async Task CopyAsync(Tx tx, List<AuditEntry> entries, CancellationToken ct)
    {
        await using (var ids = await tx.Connection.BeginBinaryImportAsync(
            "copy audit_event_ids (org_id, event_id, seq, recorded_at) from stdin (format binary)", ct))
        {
            foreach (var item in entries.Select(entry => entry.Event))
            {
                await ids.StartRowAsync(ct);
                await ids.WriteAsync(item.OrgId.Value, NpgsqlDbType.Uuid, ct);
                await ids.WriteAsync(item.Id, NpgsqlDbType.Uuid, ct);
                await ids.WriteAsync(item.Seq, NpgsqlDbType.Bigint, ct);
                await ids.WriteAsync(item.CreatedAt, NpgsqlDbType.TimestampTz, ct);
            }

            await ids.CompleteAsync(ct);
        }

        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            """
            copy audit_events (org_id, seq, recorded_at, event_id, entry_format, entry, leaf_hash, occurred_at, category,
                action_key, action_verb,
                actor_id, actor_email, actor_type, target_id, target_email, target_type, service_name, message, source_address,
                    trace_id, request_id)
            from stdin (format binary)
            """, ct);
        foreach (var (item, bytes, leaf) in entries)
        {
            await rows.StartRowAsync(ct);
            await rows.WriteAsync(item.OrgId.Value, NpgsqlDbType.Uuid, ct);
            await rows.WriteAsync(item.Seq, NpgsqlDbType.Bigint, ct);
            await rows.WriteAsync(item.CreatedAt, NpgsqlDbType.TimestampTz, ct);
            await rows.WriteAsync(item.Id, NpgsqlDbType.Uuid, ct);
            await rows.WriteAsync(EntryFormat, NpgsqlDbType.Smallint, ct);
            await rows.WriteAsync(bytes, NpgsqlDbType.Bytea, ct);
            await rows.WriteAsync(leaf, NpgsqlDbType.Bytea, ct);
            await rows.WriteAsync(item.OccurredAt, NpgsqlDbType.TimestampTz, ct);
            string?[] texts =
            [
                item.Category, item.ActionKey, item.ActionVerb, item.ActorId, item.ActorEmail, item.ActorType,
                item.TargetId, item.TargetEmail,
                item.TargetType, item.ServiceName, item.Message, item.SourceAddress, item.TraceId, item.RequestId,
            ];
            foreach (var text in texts)
            {
                await (text is null ? rows.WriteNullAsync(ct) : rows.WriteAsync(text, NpgsqlDbType.Text, ct));
            }
        }

        await rows.CompleteAsync(ct);
    }

    /// <summary>
    /// The trees with the leaves of the entries. One that is behind its log stays so: <see cref="BuildTrees"/> brings it up.
    /// </summary>
    private static async Task<Dictionary<Guid, TreeEdge>> GrowTreesAsync(
        Tx tx, Dictionary<Guid, Head> heads, List<AuditEntry> entries, CancellationToken ct)
    {
        var edges = heads.ToDictionary(head => head.Key, head => TreeEdge.Of(head.Value.TreeSize, head.Value.TreeEdge));
        var hashes = new TreeHashes();
        foreach (var log in entries.GroupBy(entry => entry.Event.OrgId).Where(log => heads[log.Key.Value].IsTreeWhole))
        {
            hashes.Append(log.Key, edges[log.Key.Value], log.Select(entry => entry.LeafHash));
        }

        await hashes.WriteAsync(tx, ct);
        return edges;
    }

    private static Task<int> MoveHeadsAsync(Tx tx, List<AuditEntry> entries, Dictionary<Guid, TreeEdge> edges)
    {
        var last = entries.GroupBy(entry => entry.Event.OrgId).Select(log => log.Last().Event).ToList();
        return tx.ExecuteAsync(
            """
            update audit_heads as h
            set size = t.size, last_recorded_at = t.recorded_at, org_name = coalesce(nullif(t.org_name, ''), h.org_name),
                tree_size = t.tree_size, tree_edge = t.tree_edge
            from unnest(@Organizations, @Sizes, @Times, @Names, @TreeSizes, @TreeEdges)
                as t (org_id, size, recorded_at, org_name, tree_size, tree_edge)
            where h.org_id = t.org_id
            """,
            new
            {
                Organizations = last.Select(item => item.OrgId.Value).ToArray(),
                Sizes = last.Select(item => item.Seq).ToArray(),
                Times = last.Select(item => item.CreatedAt).ToArray(),
                Names = last.Select(item => item.OrgName).ToArray(),
                TreeSizes = last.Select(item => edges[item.OrgId.Value].Size).ToArray(),
                TreeEdges = last.Select(item => edges[item.OrgId.Value].ToBytes()).ToArray(),
            });
    }

    private sealed record Head(
        OrganizationId OrgId, long Size, DateTimeOffset LastRecordedAt, string? OrgName, long TreeSize, byte[] TreeEdge)
    {
        public bool IsTreeWhole => TreeSize == Size;
    }

    internal sealed class Definition() : BatchDefinition<AppendEvents>(messageLimit: 500, milliseconds: 50, concurrency: 2);
}
