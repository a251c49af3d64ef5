using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Transparency;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>
/// Adds to the trees what was appended without them: by a version that knew of none. A part at a time, so that the log's head is not locked
/// for long; any instance may do the next.
/// </summary>
internal sealed partial class BuildTrees(NpgsqlDataSource db, ILogger<BuildTrees> log) : IPeriodicWork
{
    private const int Part = 20_000;

    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken ct)
    {
        while (await BuildPartAsync(ct))
        {
        }
    }

    private async Task<bool> BuildPartAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var head = await tx.QuerySingleOrDefaultAsync<Head>(
            """
            select org_id, size, tree_size, tree_edge from audit_heads where tree_size < size limit 1 for update skip locked
            """);
        if (head is null)
        {
            return false;
        }

        var until = Math.Min(head.Size, head.TreeSize + Part);
        var leaves = await tx.QueryAsync<byte[]>(
            "select leaf_hash from audit_events where org_id = @OrgId and seq > @TreeSize and seq <= @until order by seq",
            new { head.OrgId, head.TreeSize, until });
        if (leaves.Count != until - head.TreeSize)
        {
            throw new InvalidOperationException(
                $"Of the events {head.TreeSize + 1} to {until} of {head.OrgId} only {leaves.Count} are there: their tree cannot be built.");
        }

        var edge = TreeEdge.Of(head.TreeSize, head.TreeEdge);
        var hashes = new TreeHashes();
        hashes.Append(head.OrgId, edge, leaves);
        await hashes.WriteAsync(tx, ct);
        await tx.ExecuteAsync(
            "update audit_heads set tree_size = @Size, tree_edge = @Edge where org_id = @OrgId",
            new { edge.Size, Edge = edge.ToBytes(), head.OrgId });
        await tx.ExecuteAsync(FollowAppends.Notify);
        await tx.CommitAsync();
        LogBuilt(head.OrgId, edge.Size, head.Size);
        return true;
    }

    private sealed record Head(OrganizationId OrgId, long Size, long TreeSize, byte[] TreeEdge);

    [LoggerMessage(Level = LogLevel.Information, Message = "The tree of {Organization} has {Leaves} of {Events} events.")]
    private partial void LogBuilt(OrganizationId organization, long leaves, long events);
}
