using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Transparency;

using NpgsqlTypes;

namespace EnvPlatform.Audit.Proofs;

/// <summary>Collects the hashes that leaves add to the stored trees, and stores them in one go, in the transaction of the leaves.</summary>
internal sealed class TreeHashes
{
    private readonly List<(Guid Log, short Level, long FirstIndex, List<byte[]> Hashes)> _rows = [];

    /// <summary>Appends leaves to a tree.</summary>
    public void Append(OrganizationId log, TreeEdge edge, IEnumerable<byte[]> leaves)
    {
        var open = new Dictionary<int, (long Next, List<byte[]> Hashes)>();
        foreach (var leaf in leaves)
        {
            edge.AppendLeaf(leaf, (subtree, hash) =>
            {
                if (subtree.Level % TilePath.Height != 0)
                {
                    return;
                }

                var level = subtree.Level / TilePath.Height;
                if (subtree.Index % TilePath.FullWidth == 0 || !open.TryGetValue(level, out var row))
                {
                    row = (subtree.Index, []);
                    _rows.Add((log.Value, (short)level, subtree.Index, row.Hashes));
                }

                row.Hashes.Add(hash);
                open[level] = (subtree.Index + 1, row.Hashes);
            });
        }
    }

    public async Task WriteAsync(Tx tx, CancellationToken ct)
    {
        if (_rows.Count == 0)
        {
            return;
        }

        await using var copy = await tx.Connection.BeginBinaryImportAsync(
            "copy audit_tree_hashes (org_id, level, first_index, hashes) from stdin (format binary)", ct);
        foreach (var (log, level, first, hashes) in _rows)
        {
            await copy.StartRowAsync(ct);
            await copy.WriteAsync(log, NpgsqlDbType.Uuid, ct);
            await copy.WriteAsync(level, NpgsqlDbType.Smallint, ct);
            await copy.WriteAsync(first, NpgsqlDbType.Bigint, ct);
            await copy.WriteAsync(hashes.SelectMany(hash => hash).ToArray(), NpgsqlDbType.Bytea, ct);
        }

        await copy.CompleteAsync(ct);
    }
}
