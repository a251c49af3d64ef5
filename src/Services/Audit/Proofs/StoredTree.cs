using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Transparency;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>The stored tree of a log, up to a size that it has reached. Remembers what it has read: for one request.</summary>
internal sealed class StoredTree(NpgsqlDataSource db, OrganizationId log)
{
    private const int MaxRemembered = 64;
    private readonly Dictionary<(int Level, long Tile), byte[]> _tiles = [];

    public async Task<List<byte[]>> RootsAsync(IEnumerable<(long Begin, long End)> ranges, CancellationToken ct)
    {
        var roots = new List<byte[]>();
        foreach (var (begin, end) in ranges)
        {
            var parts = new List<byte[]>();
            foreach (var subtree in Subtree.Covering(begin, end))
            {
                parts.Add(await RootAsync(subtree, ct));
            }

            roots.Add(TreeEdge.Fold(parts));
        }

        return roots;
    }

    /// <summary>The root of a full subtree, from the hashes of the stored level below it.</summary>
    public async Task<byte[]> RootAsync(Subtree subtree, CancellationToken ct)
    {
        var (level, above) = (subtree.Level / TilePath.Height, subtree.Level % TilePath.Height);
        var first = subtree.Index << above;
        var tile = await TileAsync(level, first / TilePath.FullWidth, ct);
        var (at, count) = ((int)(first % TilePath.FullWidth), 1 << above);
        if (tile.Length < (at + count) * MerkleHash.Length)
        {
            throw new InvalidOperationException($"The tree of {log} has no subtree {subtree}.");
        }

        var edge = new TreeEdge();
        for (var i = at; i < at + count; i++)
        {
            edge.AppendLeaf(tile.AsSpan(i * MerkleHash.Length, MerkleHash.Length).ToArray());
        }

        return edge.Root();
    }

    /// <summary>The hashes of a tile that are stored, 32 bytes each; at most 256.</summary>
    public async Task<byte[]> TileAsync(int level, long tile, CancellationToken ct)
    {
        if (_tiles.TryGetValue((level, tile), out var known))
        {
            return known;
        }

        var rows = await db.QueryAsync<byte[]>(
            """
            select hashes from audit_tree_hashes
            where org_id = @log and level = @Level and first_index >= @First and first_index < @First + 256 order by first_index
            """, new { log, Level = (short)level, First = tile * TilePath.FullWidth }, ct);
        if (_tiles.Count >= MaxRemembered)
        {
            _tiles.Clear();
        }

        return _tiles[(level, tile)] = rows is [var only] ? only : [.. rows.SelectMany(hashes => hashes)];
    }
}
