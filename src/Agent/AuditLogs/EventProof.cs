using System.Text;
using System.Text.Json;

using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>Verifies one event with its proof, as <c>/api/audit-logs/ID/proof</c> answers it, and nothing else but the key.</summary>
internal static class EventProof
{
    /// <exception cref="AgentException">The text is no proof of an event.</exception>
    public static Verdict Verify(string text, IReadOnlyList<TrustedKey> keys)
    {
        string note, entry;
        long index, size;
        byte[]? said;
        byte[]?[] hashes;
        try
        {
            using var document = JsonDocument.Parse(text);
            var proof = document.RootElement;
            (note, entry) = (proof.GetProperty("checkpoint").GetString()!, proof.GetProperty("entry").GetString()!);
            (index, size) = (proof.GetProperty("index").GetInt64(), proof.GetProperty("tree_size").GetInt64());
            said = StrictBase64.Decode(proof.GetProperty("leaf_hash").GetString()!);
            hashes = [.. proof.GetProperty("hashes").EnumerateArray().Select(hash => StrictBase64.Decode(hash.GetString()!))];
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or FormatException or InvalidOperationException
            or ArgumentNullException)
        {
            throw new AgentException("It is no proof of an event with its checkpoint.");
        }

        var problems = new List<LogProblem>();
        var signed = SignedCheckpoint.Verify(note, keys, problems);
        var found = EventList.Found.Of(Encoding.UTF8.GetBytes(entry));
        if (said is null || !found.Hash.AsSpan().SequenceEqual(said))
        {
            problems.Add(new(ProblemKinds.Changed, found.Seq, $"Event {found.Seq} is not as it was logged."));
        }
        else if (signed is not null && (size != signed.Checkpoint.Size || hashes.Contains(null) || found.Seq != index + 1
            || !MerkleProof.IsIncluded(found.Hash, index, size, hashes!, signed.Checkpoint.Root.Span)))
        {
            problems.Add(new(ProblemKinds.NotIncluded, found.Seq, $"Event {found.Seq} is not in the signed log at that place."));
        }

        return new(signed, 1, problems);
    }
}
