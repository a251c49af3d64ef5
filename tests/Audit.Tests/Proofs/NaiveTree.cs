using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Proofs;

/// <summary>The definitions of RFC 6962, section 2.1, word for word: slow and plain.</summary>
internal static class NaiveTree
{
    public static byte[] Root(IReadOnlyList<byte[]> leaves) => leaves.Count switch
    {
        0 => MerkleHash.Empty,
        1 => leaves[0],
        var n when Split(n) is var k => MerkleHash.Node(Root([.. leaves.Take(k)]), Root([.. leaves.Skip(k)])),
        _ => throw new InvalidOperationException(),
    };

    public static List<byte[]> Path(int m, IReadOnlyList<byte[]> leaves)
    {
        if (leaves.Count == 1)
        {
            return [];
        }

        var k = Split(leaves.Count);
        var (left, right) = (leaves.Take(k).ToList(), leaves.Skip(k).ToList());
        return m < k ? [.. Path(m, left), Root(right)] : [.. Path(m - k, right), Root(left)];
    }

    public static List<byte[]> Proof(int m, IReadOnlyList<byte[]> leaves) => Subproof(m, leaves, true);

    private static List<byte[]> Subproof(int m, IReadOnlyList<byte[]> leaves, bool isWhole)
    {
        if (m == leaves.Count)
        {
            return isWhole ? [] : [Root(leaves)];
        }

        var k = Split(leaves.Count);
        var (left, right) = (leaves.Take(k).ToList(), leaves.Skip(k).ToList());
        return m <= k ? [.. Subproof(m, left, isWhole), Root(right)] : [.. Subproof(m - k, right, false), Root(left)];
    }

    private static int Split(int n)
    {
        var k = 1;
        while (k * 2 < n)
        {
            k *= 2;
        }

        return k;
    }
}
