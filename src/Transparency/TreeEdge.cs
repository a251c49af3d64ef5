using System.Numerics;

namespace EnvPlatform.Transparency;

/// <summary>
/// The right edge of a Merkle tree: the roots of its largest full subtrees from left to right, one for each bit of its size. It is all that
/// is needed to append leaves and to compute the root, however large the tree is.
/// </summary>
public sealed class TreeEdge
{
    private readonly List<byte[]> _roots = [];

    /// <summary>The number of leaves.</summary>
    public long Size { get; private set; }

    /// <param name="size">The number of leaves.</param>
    /// <param name="roots">As <see cref="ToBytes"/> returned them.</param>
    /// <exception cref="ArgumentException">There are not as many roots as a tree of that size has.</exception>
    public static TreeEdge Of(long size, ReadOnlySpan<byte> roots)
    {
        if (size < 0 || roots.Length != BitOperations.PopCount((ulong)size) * MerkleHash.Length)
        {
            throw new ArgumentException($"{roots.Length} bytes are not the edge of a tree of {size} leaves.", nameof(roots));
        }

        var edge = new TreeEdge { Size = size };
        for (var at = 0; at < roots.Length; at += MerkleHash.Length)
        {
            edge._roots.Add(roots.Slice(at, MerkleHash.Length).ToArray());
        }

        return edge;
    }

    public void AppendLeaf(byte[] leafHash, Action<Subtree, byte[]>? onCompleted = null) => Append(0, leafHash, onCompleted);

    /// <summary>Appends all leaves of a full subtree by its root.</summary>
    /// <param name="onCompleted">Told of the subtree, and of each larger one that it completes.</param>
    /// <exception cref="ArgumentException">A subtree of that level cannot begin here.</exception>
    public void Append(int level, byte[] hash, Action<Subtree, byte[]>? onCompleted = null)
    {
        ArgumentNullException.ThrowIfNull(hash);
        if (level is < 0 or > 62 || (Size & ((1L << level) - 1)) != 0 || hash.Length != MerkleHash.Length)
        {
            throw new ArgumentException($"No subtree of level {level} can follow {Size} leaves.", nameof(level));
        }

        var at = new Subtree(level, Size >> level);
        Size += 1L << level;
        onCompleted?.Invoke(at, hash);
        while ((at.Index & 1) == 1)
        {
            hash = MerkleHash.Node(_roots[^1], hash);
            _roots.RemoveAt(_roots.Count - 1);
            at = new(at.Level + 1, at.Index >> 1);
            onCompleted?.Invoke(at, hash);
        }

        _roots.Add(hash);
    }

    /// <summary>The root hash of the tree.</summary>
    public byte[] Root() => _roots.Count == 0 ? MerkleHash.Empty : Fold(_roots);

    public byte[] ToBytes() => [.. _roots.SelectMany(root => root)];

    /// <summary>The root over full subtrees of falling size, from left to right.</summary>
    public static byte[] Fold(IReadOnlyList<byte[]> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        var root = roots[^1];
        for (var i = roots.Count - 2; i >= 0; i--)
        {
            root = MerkleHash.Node(roots[i], root);
        }

        return root;
    }
}
