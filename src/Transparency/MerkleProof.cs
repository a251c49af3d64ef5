using System.Numerics;

namespace EnvPlatform.Transparency;

/// <summary>
/// Inclusion and consistency proofs (RFC 9162, sections 2.1.3 and 2.1.4; the same in RFC 6962). A proof is a list of hashes, each the root
/// over a range of leaves.
/// </summary>
public static class MerkleProof
{
    /// <summary>The ranges whose roots prove that a leaf is in a tree, in the order of the proof.</summary>
    public static IReadOnlyList<(long Begin, long End)> Inclusion(long index, long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, size);
        var ranges = new List<(long, long)>();
        long begin = 0;
        while (size > 1)
        {
            var left = LargestPowerBelow(size);
            if (index < left)
            {
                ranges.Add((begin + left, begin + size));
                size = left;
            }
            else
            {
                ranges.Add((begin, begin + left));
                (begin, index, size) = (begin + left, index - left, size - left);
            }
        }

        ranges.Reverse();
        return ranges;
    }

    /// <summary>
    /// The ranges whose roots prove that a tree began as a smaller one, in the order of the proof; none for equal sizes and for an empty
    /// tree.
    /// </summary>
    public static IReadOnlyList<(long Begin, long End)> Consistency(long from, long to)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from, to);
        var ranges = new List<(long, long)>();
        if (from == 0)
        {
            return ranges;
        }

        long begin = 0;
        var isWhole = true;
        while (from != to)
        {
            var left = LargestPowerBelow(to);
            if (from <= left)
            {
                ranges.Add((begin + left, begin + to));
                to = left;
            }
            else
            {
                ranges.Add((begin, begin + left));
                (begin, from, to, isWhole) = (begin + left, from - left, to - left, false);
            }
        }

        if (!isWhole)
        {
            ranges.Add((begin, begin + from));
        }

        ranges.Reverse();
        return ranges;
    }

    /// <summary>Whether the proof shows that the leaf at <paramref name="index"/> of the tree has this hash.</summary>
    public static bool IsIncluded(ReadOnlySpan<byte> leafHash, long index, long size, IReadOnlyList<byte[]> proof, ReadOnlySpan<byte> root)
    {
        ArgumentNullException.ThrowIfNull(proof);
        if (index < 0 || index >= size || leafHash.Length != MerkleHash.Length || !AreHashes(proof))
        {
            return false;
        }

        var (node, last) = (index, size - 1);
        var hash = leafHash.ToArray();
        foreach (var sibling in proof)
        {
            if (last == 0)
            {
                return false;
            }

            if ((node & 1) == 1 || node == last)
            {
                hash = MerkleHash.Node(sibling, hash);
                while ((node & 1) == 0 && node != 0)
                {
                    (node, last) = (node >> 1, last >> 1);
                }
            }
            else
            {
                hash = MerkleHash.Node(hash, sibling);
            }

            (node, last) = (node >> 1, last >> 1);
        }

        return last == 0 && root.SequenceEqual(hash);
    }

    /// <summary>Whether the proof shows that the larger tree began as the smaller one.</summary>
    public static bool IsConsistent(
        long from, ReadOnlySpan<byte> fromRoot, long to, ReadOnlySpan<byte> toRoot, IReadOnlyList<byte[]> proof)
    {
        ArgumentNullException.ThrowIfNull(proof);
        if (from < 0 || from > to || !AreHashes(proof))
        {
            return false;
        }

        if (from == 0 || from == to)
        {
            return proof.Count == 0 && (from == 0 ? fromRoot.SequenceEqual(MerkleHash.Empty) : fromRoot.SequenceEqual(toRoot));
        }

        var hashes = BitOperations.IsPow2(from) ? [fromRoot.ToArray(), .. proof] : proof;
        if (hashes.Count == 0)
        {
            return false;
        }

        var zeros = BitOperations.TrailingZeroCount(~(from - 1));
        var (node, last) = ((from - 1) >> zeros, (to - 1) >> zeros);
        var (smaller, larger) = (hashes[0], hashes[0]);
        foreach (var hash in hashes.Skip(1))
        {
            if (last == 0)
            {
                return false;
            }

            if ((node & 1) == 1 || node == last)
            {
                (smaller, larger) = (MerkleHash.Node(hash, smaller), MerkleHash.Node(hash, larger));
                while ((node & 1) == 0 && node != 0)
                {
                    (node, last) = (node >> 1, last >> 1);
                }
            }
            else
            {
                larger = MerkleHash.Node(larger, hash);
            }

            (node, last) = (node >> 1, last >> 1);
        }

        return last == 0 && fromRoot.SequenceEqual(smaller) && toRoot.SequenceEqual(larger);
    }

    private static long LargestPowerBelow(long size) => 1L << BitOperations.Log2((ulong)(size - 1));

    private static bool AreHashes(IReadOnlyList<byte[]> proof) => proof.All(hash => hash.Length == MerkleHash.Length);
}
