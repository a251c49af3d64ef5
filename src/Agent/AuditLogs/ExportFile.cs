using System.Security.Cryptography;
using System.Text.Json;

using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>
/// Verifies an export with its manifest and its proof: every line is an event of the signed log, at its place, and none of those that the
/// proof names is missing. Whether the filters of the export were applied rightly is not in a proof.
/// </summary>
internal sealed class ExportFile
{
    private readonly string _data;
    private readonly string _manifest;
    private readonly string _proof;

    /// <summary>The manifest and the proof stand beside the events: <c>x.jsonl</c>, <c>x.manifest.json</c>, <c>x.proof.jsonl</c>.</summary>
    public ExportFile(string data)
    {
        var name = data.EndsWith(".jsonl", StringComparison.Ordinal) ? data[..^".jsonl".Length] : data;
        (_data, _manifest, _proof) = (data, name + ".manifest.json", name + ".proof.jsonl");
    }

    /// <exception cref="AgentException">A part is missing or cannot be read.</exception>
    public Verdict Verify(IReadOnlyList<TrustedKey> keys)
    {
        foreach (var part in new[] { _manifest, _proof })
        {
            if (!File.Exists(part))
            {
                throw new AgentException($"{part} is not there: without it the export cannot be verified.");
            }
        }

        var manifest = Manifest.Read(_manifest);
        var problems = new List<LogProblem>();
        var signed = SignedCheckpoint.Verify(manifest.Checkpoint, keys, problems);
        if (signed is null)
        {
            return new(null, 0, problems);
        }

        if (RootOf(signed.Checkpoint.Size) is not { } root || !signed.Checkpoint.Root.Span.SequenceEqual(root))
        {
            problems.Add(new(ProblemKinds.Rewritten, null, "The proof of the export does not lead to the signed root."));
            return new(signed, 0, problems);
        }

        var events = Lines().LongCount();
        if (!IsSame())
        {
            problems.AddRange(EventList.Compare([.. Expected()], [.. Lines()]));
        }

        if (problems.Count == 0 && Sha256Of(_data) != manifest.Sha256)
        {
            problems.Add(new(ProblemKinds.ChangedFile, null, "The file is not the one that was exported, though its events are."));
        }

        var (first, last, count) = Expected().Aggregate((First: 0L, Last: 0L, Count: 0L), (range, leaf) =>
            (range.Count == 0 ? leaf.Seq : range.First, leaf.Seq, range.Count + 1));
        if ((first, last, count) != (manifest.FirstSeq, manifest.LastSeq, manifest.Events))
        {
            problems.Add(new(ProblemKinds.ChangedManifest, null, "The manifest names other events than the proof."));
        }

        return new(signed, events, problems);
    }

    private bool IsSame()
    {
        using var found = Lines().GetEnumerator();
        foreach (var (_, hash) in Expected())
        {
            if (!found.MoveNext() || !found.Current.Hash.AsSpan().SequenceEqual(hash))
            {
                return false;
            }
        }

        return !found.MoveNext();
    }

    /// <summary>The root that the proof leads to; null where it is not one of a tree of that size.</summary>
    private byte[]? RootOf(long size)
    {
        var edge = new TreeEdge();
        foreach (var part in ProofParts())
        {
            if (part is null || part.From != edge.Size + 1 || part.To < part.From || part.To > size)
            {
                return null;
            }

            if (part.IsLeaves)
            {
                if (part.Hashes.Count != part.To - part.From + 1)
                {
                    return null;
                }

                part.Hashes.ForEach(hash => edge.AppendLeaf(hash));
                continue;
            }

            var subtrees = Subtree.Covering(part.From - 1, part.To).ToList();
            if (subtrees.Count != part.Hashes.Count)
            {
                return null;
            }

            foreach (var (subtree, hash) in subtrees.Zip(part.Hashes))
            {
                edge.Append(subtree.Level, hash);
            }
        }

        return edge.Size == size ? edge.Root() : null;
    }

    private IEnumerable<(long Seq, byte[] Hash)> Expected() =>
        ProofParts().OfType<ProofPart>().Where(part => part.IsLeaves)
            .SelectMany(part => part.Hashes.Select((hash, i) => (part.From + i, hash)));

    private IEnumerable<EventList.Found> Lines() =>
        BytesOfLines(_data).Where(line => line.Length > 0).Select(line => EventList.Found.Of(line));

    /// <summary>Null for a line that is none of a proof.</summary>
    private IEnumerable<ProofPart?> ProofParts() =>
        BytesOfLines(_proof).Where(line => line.Length > 0).Select(line => ProofPart.Parse(line));

    private static IEnumerable<byte[]> BytesOfLines(string file)
    {
        using var stream = new BufferedStream(File.OpenRead(file), 1 << 16);
        using var line = new MemoryStream();
        int letter;
        while ((letter = stream.ReadByte()) >= 0)
        {
            if (letter != '\n')
            {
                line.WriteByte((byte)letter);
                continue;
            }

            yield return line.ToArray();
            line.SetLength(0);
        }

        if (line.Length > 0)
        {
            yield return line.ToArray();
        }
    }

    private static string Sha256Of(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Leaves of exported events, or the roots over events that are not in the export.</summary>
    private sealed record ProofPart(long From, long To, bool IsLeaves, List<byte[]> Hashes)
    {
        public static ProofPart? Parse(byte[] line)
        {
            try
            {
                using var document = JsonDocument.Parse(line);
                var part = document.RootElement;
                var isLeaves = part.TryGetProperty("leaves", out var hashes);
                hashes = isLeaves ? hashes : part.GetProperty("subtrees");
                var read = hashes.EnumerateArray().Select(hash => StrictBase64.Decode(hash.GetString()!)).ToList();
                return read.All(hash => hash?.Length == MerkleHash.Length)
                    ? new(part.GetProperty("from").GetInt64(), part.GetProperty("to").GetInt64(), isLeaves, read!)
                    : null;
            }
            catch (Exception failure) when (failure is JsonException or KeyNotFoundException or FormatException
                or InvalidOperationException or ArgumentNullException)
            {
                return null;
            }
        }
    }

    private sealed record Manifest(long Events, long FirstSeq, long LastSeq, string Sha256, string Checkpoint)
    {
        public static Manifest Read(string file)
        {
            try
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(file));
                var manifest = document.RootElement;
                return new(
                    manifest.GetProperty("events").GetInt64(), manifest.GetProperty("first_seq").GetInt64(),
                    manifest.GetProperty("last_seq").GetInt64(), manifest.GetProperty("sha256").GetString() ?? "",
                    manifest.GetProperty("checkpoint").GetString() ?? "");
            }
            catch (Exception failure) when (failure is JsonException or KeyNotFoundException or FormatException
                or InvalidOperationException)
            {
                throw new AgentException($"{file} is no manifest of an export.");
            }
        }
    }
}
