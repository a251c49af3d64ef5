using System.Buffers.Binary;
using System.Text.Json;

using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>Compares the events that are there with those that the tree has.</summary>
internal static class EventList
{
    /// <summary>An event that is there: the number that it says it has, and the hash of its bytes.</summary>
    public readonly record struct Found(long? Seq, byte[] Hash)
    {
        public static Found Of(ReadOnlySpan<byte> entry) => new(SeqOf(entry), MerkleHash.Leaf(entry));
    }

    /// <summary>What became of the events; nothing where all are there, unchanged and in order.</summary>
    /// <param name="expected">The numbers and leaves of the tree, ascending.</param>
    public static List<LogProblem> Compare(IReadOnlyList<(long Seq, byte[] Hash)> expected, IReadOnlyList<Found> found)
    {
        if (expected.Count == found.Count
            && expected.Zip(found).All(pair => pair.First.Hash.AsSpan().SequenceEqual(pair.Second.Hash)))
        {
            return [];
        }

        var problems = new List<LogProblem>();
        var seqs = expected.ToDictionary(leaf => Convert.ToHexString(leaf.Hash), leaf => leaf.Seq, StringComparer.Ordinal);
        var missing = expected.Select(leaf => leaf.Seq).ToHashSet();
        var unknown = new List<long?>();
        long last = 0;
        var previous = expected.Count > 0 ? expected[0].Seq - 1 : (long?)null;
        foreach (var one in found)
        {
            if (!seqs.TryGetValue(Convert.ToHexString(one.Hash), out var seq))
            {
                // One that says no number stands for the one that belongs here.
                previous = one.Seq ?? previous + 1;
                unknown.Add(previous);
                continue;
            }

            previous = seq;
            if (!missing.Remove(seq))
            {
                problems.Add(new(ProblemKinds.Inserted, seq, $"Event {seq} is there twice."));
            }
            else if (seq < last)
            {
                problems.Add(new(ProblemKinds.Reordered, seq, $"Event {seq} comes after event {last}."));
            }
            else
            {
                last = seq;
            }
        }

        foreach (var seq in unknown)
        {
            problems.Add(seq is { } number && missing.Remove(number)
                ? new(ProblemKinds.Changed, seq, $"Event {seq} is not as it was logged.")
                : new(ProblemKinds.Inserted, seq, $"An event that says it is number {seq?.ToString() ?? "(none)"} was never logged."));
        }

        problems.AddRange(missing.Select(seq => new LogProblem(ProblemKinds.Dropped, seq, $"Event {seq} is missing.")));
        return [.. problems.OrderBy(problem => problem.Seq ?? long.MaxValue).ThenBy(problem => problem.Kind, StringComparer.Ordinal)];
    }

    /// <summary>The entries of a bundle (C2SP tlog-tiles): each behind its length, two bytes. What is cut off is left out.</summary>
    public static List<Found> OfBundle(ReadOnlySpan<byte> bundle)
    {
        var found = new List<Found>();
        while (bundle.Length >= 2 && BinaryPrimitives.ReadUInt16BigEndian(bundle) is var length && bundle.Length >= 2 + length)
        {
            found.Add(Found.Of(bundle.Slice(2, length)));
            bundle = bundle[(2 + length)..];
        }

        return found;
    }

    /// <summary>The number that an event says it has.</summary>
    private static long? SeqOf(ReadOnlySpan<byte> entry)
    {
        try
        {
            using var document = JsonDocument.Parse(entry.ToArray());
            return document.RootElement is { ValueKind: JsonValueKind.Object } item && item.TryGetProperty("seq"u8, out var seq)
                && seq.ValueKind == JsonValueKind.Number && seq.TryGetInt64(out var number)
                ? number
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
