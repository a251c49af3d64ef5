using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Transparency;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>
/// Signs the tree of each log within a second of its growth, and anew every ten minutes when nothing happens: so that silence can be
/// proved. Any number of instances sign; of two checkpoints the larger or later one is kept.
/// </summary>
internal sealed class SignCheckpoints(NpgsqlDataSource db, SigningKeys keys, TimeProvider clock) : IListeningWork
{
    private const int Part = 500;

    /// <summary>Between two turns: bursts of appends are signed together.</summary>
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Renewal = TimeSpan.FromMinutes(10);

    public static string Channel => FollowAppends.ChannelName;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        int signed;
        do
        {
            var due = await db.QueryAsync<Head>(
                """
                select h.org_id, h.tree_size, h.tree_edge from audit_heads as h left join audit_checkpoints as c on c.org_id = h.org_id
                where h.tree_size > 0 and (c.org_id is null or c.size < h.tree_size or c.signed_at < @Before) limit @Part
                """, new { Before = clock.GetUtcNow() - Renewal, Part }, ct);
            signed = due.Count;
            await StoreAsync([.. due.Select(head => (head.OrgId, TreeEdge.Of(head.TreeSize, head.TreeEdge)))], ct);
        }
        while (signed == Part);

        await Task.Delay(Spacing, clock, ct);
        return Poll;
    }

    /// <summary>The latest checkpoint of a log, with at least as many events; null where its tree has not as many yet.</summary>
    public async Task<Signed?> LatestAsync(OrganizationId log, long atLeast, CancellationToken ct)
    {
        const string Latest = "select size, signed_at, note from audit_checkpoints where org_id = @log";
        var latest = await db.QuerySingleOrDefaultAsync<Signed>(Latest, new { log }, ct);
        if (latest is not null && latest.Size >= atLeast && latest.SignedAt > clock.GetUtcNow() - 2 * Renewal)
        {
            return latest;
        }

        var head = await db.QuerySingleOrDefaultAsync<Head>(
            "select org_id, tree_size, tree_edge from audit_heads where org_id = @log", new { log }, ct);
        var edge = head is null ? new TreeEdge() : TreeEdge.Of(head.TreeSize, head.TreeEdge);
        if (edge.Size < atLeast)
        {
            return null;
        }

        if (edge.Size == 0)
        {
            var now = clock.GetUtcNow();
            return new(0, now, await SignAsync(log, edge, now, ct));
        }

        await StoreAsync([(log, edge)], ct);
        return await db.QuerySingleAsync<Signed>(Latest, new { log }, ct);
    }

    private async Task StoreAsync((OrganizationId Log, TreeEdge Edge)[] trees, CancellationToken ct)
    {
        if (trees.Length == 0)
        {
            return;
        }

        var now = clock.GetUtcNow();
        var notes = new List<string>();
        foreach (var (log, edge) in trees)
        {
            notes.Add(await SignAsync(log, edge, now, ct));
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            insert into audit_checkpoints as c (org_id, size, signed_at, note)
            select org_id, size, @now, note from unnest(@Logs, @Sizes, @Notes) as t (org_id, size, note) order by org_id
            on conflict (org_id) do update set size = excluded.size, signed_at = excluded.signed_at, note = excluded.note
            where excluded.size > c.size or (excluded.size = c.size and excluded.signed_at > c.signed_at)
            """,
            new
            {
                now,
                Logs = trees.Select(tree => tree.Log.Value).ToArray(),
                Sizes = trees.Select(tree => tree.Edge.Size).ToArray(),
                Notes = notes.ToArray(),
            });
        await tx.CommitAsync();
    }

    private async Task<string> SignAsync(OrganizationId log, TreeEdge edge, DateTimeOffset now, CancellationToken ct)
    {
        var signing = await keys.InForceAsync(ct);
        // The clock of the instance that made a key may be ahead of this one's.
        var time = signing.Select(key => key.ValidFrom).Append(now).Max();
        return SignedNote.Sign(
            new Checkpoint(keys.OriginOf(log), edge.Size, edge.Root()).ToText(), time, signing.Select(key => keys.SignerOf(key, log)));
    }

    /// <param name="Note">C2SP tlog-checkpoint.</param>
    public sealed record Signed(long Size, DateTimeOffset SignedAt, string Note);

    private sealed record Head(OrganizationId OrgId, long TreeSize, byte[] TreeEdge);
}
