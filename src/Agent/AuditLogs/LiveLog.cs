using System.Net;
using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;
using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>
/// Verifies a log as the platform serves it: the signed checkpoint, that it contains the checkpoints of before, and that all events are
/// those of the signed tree.
/// </summary>
internal sealed class LiveLog(AuditLogClient client, TimeProvider clock)
{
    /// <summary>Of an old checkpoint nobody knows what was logged since; a platform signs anew every ten minutes.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(20);

    /// <param name="earlier">Checkpoints that were seen before, here or elsewhere.</param>
    public async Task<Verdict> VerifyAsync(
        IReadOnlyList<TrustedKey> keys, IReadOnlyList<SignedCheckpoint> earlier, TimeSpan maxAge, Progress progress, CancellationToken ct)
    {
        var problems = new List<LogProblem>();
        var note = Encoding.UTF8.GetString((await client.GetAsync("checkpoint", ct)).Body);
        if (SignedCheckpoint.Verify(note, keys, problems) is not { } signed)
        {
            return new(null, 0, problems);
        }

        var age = clock.GetUtcNow() - signed.SignedAt;
        if (age is null || age > maxAge)
        {
            problems.Add(new(
                ProblemKinds.StaleCheckpoint, null,
                signed.SignedAt is { } at ? $"The checkpoint was signed at {at:u}: what happened since is not known."
                    : "The checkpoint does not say when it was signed."));
        }

        foreach (var known in earlier)
        {
            if (await CompareAsync(known, signed, ct) is { } problem)
            {
                problems.Add(problem);
            }
        }

        var events = await VerifyEventsAsync(signed.Checkpoint, problems, progress, ct);
        return new(signed, events, problems);
    }

    /// <summary>Null where the log contains what it was.</summary>
    private async Task<LogProblem?> CompareAsync(SignedCheckpoint known, SignedCheckpoint signed, CancellationToken ct)
    {
        var (before, now) = (known.Checkpoint, signed.Checkpoint);
        if (before.Origin != now.Origin)
        {
            return new(ProblemKinds.SplitView, null, $"The checkpoint of before is one of {before.Origin}, this one of {now.Origin}.");
        }

        if (before.Size > now.Size)
        {
            return new(
                ProblemKinds.RolledBack, null, $"The log had {before.Size} events ({known.SignedAt:u}) and now has {now.Size}.");
        }

        if (before.Size == now.Size)
        {
            return before.Root.Span.SequenceEqual(now.Root.Span) ? null : new(
                ProblemKinds.SplitView, null, $"There are two signed logs of {now.Size} events with different roots.");
        }

        byte[]?[] hashes;
        try
        {
            var answer = await client.GetAsync($"consistency?from={before.Size}&to={now.Size}", ct);
            using var document = JsonDocument.Parse(answer.Body);
            hashes =
            [
                .. document.RootElement.GetProperty("hashes").EnumerateArray().Select(hash => StrictBase64.Decode(hash.GetString()!)),
            ];
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException
            or ArgumentNullException or RefusedException { Status: HttpStatusCode.NotFound })
        {
            hashes = [null];
        }

        return !hashes.Contains(null)
            && MerkleProof.IsConsistent(before.Size, before.Root.Span, now.Size, now.Root.Span, hashes!)
            ? null
            : new(
                ProblemKinds.SplitView, null,
                $"The log of {now.Size} events does not begin as the one of {before.Size} events that was signed before "
                    + $"({known.SignedAt:u}).");
    }

    private async Task<long> VerifyEventsAsync(Checkpoint checkpoint, List<LogProblem> problems, Progress progress, CancellationToken ct)
    {
        var edge = new TreeEdge();
        long events = 0;
        for (long tile = 0; tile * TilePath.FullWidth < checkpoint.Size; tile++)
        {
            var first = tile * TilePath.FullWidth;
            var width = (int)Math.Min(TilePath.FullWidth, checkpoint.Size - first);
            progress.Show("Verifying events", $"{first} of {checkpoint.Size}", (double)first / checkpoint.Size);
            var path = new TilePath(tile, width).ToString();
            var fetching = TileAsync($"tile/entries/{path}", ct);
            var hashes = await TileAsync($"tile/0/{path}", ct);
            var found = EventList.OfBundle(await fetching);
            var expected = new List<(long, byte[])>(width);
            for (var i = 0; i < width && (i + 1) * MerkleHash.Length <= hashes.Length; i++)
            {
                var hash = hashes.AsSpan(i * MerkleHash.Length, MerkleHash.Length).ToArray();
                expected.Add((first + i + 1, hash));
                edge.AppendLeaf(hash);
            }

            problems.AddRange(EventList.Compare(expected, found));
            events += found.Count;
            if (expected.Count < width)
            {
                break;
            }
        }

        if (edge.Size != checkpoint.Size || !checkpoint.Root.Span.SequenceEqual(edge.Root()))
        {
            problems.Add(new(ProblemKinds.Rewritten, null, "The tree as it is served does not lead to the signed root."));
        }

        return events;
    }

    /// <summary>Empty where the platform does not have it.</summary>
    private async Task<byte[]> TileAsync(string path, CancellationToken ct)
    {
        try
        {
            return (await client.GetAsync(path, ct)).Body;
        }
        catch (RefusedException refused) when (refused.Status == HttpStatusCode.NotFound)
        {
            return [];
        }
    }
}
