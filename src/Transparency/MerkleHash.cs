using System.Security.Cryptography;

namespace EnvPlatform.Transparency;

/// <summary>The hashes of a Merkle tree of certificate transparency (RFC 6962 and RFC 9162, section 2.1.1), with SHA-256.</summary>
public static class MerkleHash
{
    /// <summary>Bytes of a hash.</summary>
    public const int Length = 32;

    /// <summary>The root of a tree without leaves: the hash of nothing.</summary>
    public static byte[] Empty => SHA256.HashData([]);

    /// <summary>SHA-256(0x00 || entry).</summary>
    public static byte[] Leaf(ReadOnlySpan<byte> entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0]);
        hash.AppendData(entry);
        return hash.GetHashAndReset();
    }

    /// <summary>SHA-256(0x01 || left || right).</summary>
    public static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> joined = stackalloc byte[1 + 2 * Length];
        joined[0] = 1;
        left.CopyTo(joined[1..]);
        right.CopyTo(joined[(1 + Length)..]);
        return SHA256.HashData(joined);
    }
}
