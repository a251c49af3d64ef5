using System.Numerics;

namespace EnvPlatform.Transparency;

/// <summary>A full subtree: the leaves from <c>Index * 2^Level</c> on, <c>2^Level</c> of them.</summary>
public readonly record struct Subtree(int Level, long Index)
{
    /// <summary>
    /// The fewest full subtrees that are the leaves from <paramref name="begin"/> up to, not with, <paramref name="end"/>.
    /// </summary>
    public static IEnumerable<Subtree> Covering(long begin, long end)
    {
        while (begin < end)
        {
            var fitting = BitOperations.Log2((ulong)(end - begin));
            var level = begin == 0 ? fitting : Math.Min(BitOperations.TrailingZeroCount(begin), fitting);
            yield return new(level, begin >> level);
            begin += 1L << level;
        }
    }
}
