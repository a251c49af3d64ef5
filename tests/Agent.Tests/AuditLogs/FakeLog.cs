using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Tests.Commands;
using EnvPlatform.Transparency;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.AuditLogs;

/// <summary>An audit log as a platform serves it, which can be tampered with in every way.</summary>
public sealed class FakeLog
{
    public const string Origin = "envplatform/0192f0c1-0000-7000-8000-0000000000aa";
    private static readonly DateTimeOffset Began = TimeProvider.System.GetUtcNow();
    private readonly HashSet<string> _served = [];

    public FakeLog(int size, string salt = "") => Grow(size, salt);

    public static Ed25519Signer Signer { get; } = new(Origin, [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 3))]);

    public static Ed25519Signer Other { get; } = new(Origin, [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 5))]);

    /// <summary>What was logged, as the tree has it.</summary>
    public List<byte[]> Leaves { get; private set; } = [];

    /// <summary>What is served as the events.</summary>
    public List<byte[]> Entries { get; private set; } = [];

    /// <summary>The signed text; null for the honest one.</summary>
    public string? Checkpoint { get; set; }

    public string Keys { get; set; } = KeysOf(Signer, "2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z");

    public static byte[] EntryOf(int seq, string salt = "") => Encoding.UTF8.GetBytes(
        $$"""{"id":"0192f0c1-0000-7000-8000-{{seq:x12}}","message":"Token {{seq}} “{{salt}}” created.","seq":{{seq}}}""");

    public static string KeysOf(Ed25519Signer signer, string from, string until) =>
        $$"""
        {"items": [{"key": "{{signer.Key}}", "valid_from": "{{from}}", "valid_until": "{{until}}"}], "total_count": 1}
        """;

    public void Grow(int size, string salt = "")
    {
        for (var seq = Entries.Count + 1; seq <= size; seq++)
        {
            Entries.Add(EntryOf(seq, salt));
            Leaves.Add(MerkleHash.Leaf(Entries[^1]));
        }
    }

    /// <summary>Begins anew, as if the events from then on had never been.</summary>
    public void Become(FakeLog other) => (Leaves, Entries) = (other.Leaves, other.Entries);

    public string Sign(Ed25519Signer? by = null, DateTimeOffset? at = null) => SignedNote.Sign(
        new Checkpoint(Origin, Leaves.Count, EdgeOf(0, Leaves.Count).Root()).ToText(), at ?? Began,
        [by ?? Signer]);

    public string ProofOf(int seq) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["origin"] = Origin,
        ["index"] = seq - 1,
        ["tree_size"] = Leaves.Count,
        ["leaf_hash"] = Convert.ToBase64String(Leaves[seq - 1]),
        ["entry"] = Encoding.UTF8.GetString(Entries[seq - 1]),
        ["hashes"] = Texts(MerkleProof.Inclusion(seq - 1, Leaves.Count)),
        ["checkpoint"] = Checkpoint ?? Sign(),
    });

    /// <summary>Registers all that a verifier asks for; call it again when the log has grown.</summary>
    internal void Serve(RecordedPlatform platform)
    {
        On(platform, "keys", () => Encoding.UTF8.GetBytes(Keys));
        On(platform, "checkpoint", () => Encoding.UTF8.GetBytes(Checkpoint ?? Sign()));
        if (_served.Add("consistency"))
        {
            platform.On("GET /api/audit-logs/consistency", async (request, response) =>
            {
                var sizes = request.Query.TrimStart('?').Split('&')
                    .Select(part => int.Parse(part.Split('=')[1], CultureInfo.InvariantCulture)).ToArray();
                await response.WriteAsync(JsonSerializer.Serialize(new Dictionary<string, object>
                {
                    ["hashes"] = Texts(MerkleProof.Consistency(sizes[0], sizes[1])),
                }));
            });
        }

        for (long tile = 0; tile * 256 < Leaves.Count; tile++)
        {
            var first = (int)tile * 256;
            var path = new TilePath(tile, Math.Min(256, Leaves.Count - first)).ToString();
            On(platform, $"tile/0/{path}", () => [.. Leaves.Skip(first).Take(256).SelectMany(leaf => leaf)]);
            On(platform, $"tile/entries/{path}", () => [.. Entries.Skip(first).Take(256).SelectMany(WithLength)]);
        }
    }

    /// <summary>Writes an export of the events that are chosen, with manifest and proof, and returns the file of the events.</summary>
    public string Export(string folder, Func<int, bool>? isExported = null)
    {
        var kept = Enumerable.Range(1, Leaves.Count).Where(isExported ?? (_ => true)).ToList();
        var data = kept.SelectMany(seq => Entries[seq - 1].Append((byte)'\n')).ToArray();
        var proof = new List<object>();
        for (var seq = 1; seq <= Leaves.Count;)
        {
            var isKept = kept.Contains(seq);
            var end = seq;
            while (end < Leaves.Count && kept.Contains(end + 1) == isKept)
            {
                end++;
            }

            proof.Add(isKept
                ? new { from = seq, to = end, leaves = Leaves[(seq - 1)..end].Select(Convert.ToBase64String) }
                : new
                {
                    from = seq,
                    to = end,
                    subtrees = Subtree.Covering(seq - 1, end).Select(subtree => Convert.ToBase64String(
                        EdgeOf((int)(subtree.Index << subtree.Level), 1 << subtree.Level).Root())),
                });
            seq = end + 1;
        }

        var manifest = new Dictionary<string, object>
        {
            ["events"] = kept.Count,
            ["first_seq"] = kept.FirstOrDefault(),
            ["last_seq"] = kept.LastOrDefault(),
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(data)),
            ["checkpoint"] = Checkpoint ?? Sign(),
        };
        File.WriteAllBytes(Path.Combine(folder, "export.jsonl"), data);
        File.WriteAllText(Path.Combine(folder, "export.manifest.json"), JsonSerializer.Serialize(manifest));
        File.WriteAllLines(Path.Combine(folder, "export.proof.jsonl"), proof.Select(part => JsonSerializer.Serialize(part)));
        return Path.Combine(folder, "export.jsonl");
    }

    private void On(RecordedPlatform platform, string path, Func<byte[]> body)
    {
        if (_served.Add(path))
        {
            platform.On($"GET /api/audit-logs/{path}", async (_, response) => await response.Body.WriteAsync(body()));
        }
    }

    private static byte[] WithLength(byte[] entry)
    {
        var bytes = new byte[entry.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)entry.Length);
        entry.CopyTo(bytes, 2);
        return bytes;
    }

    private string[] Texts(IEnumerable<(long Begin, long End)> ranges) =>
        [.. ranges.Select(range => Convert.ToBase64String(EdgeOf((int)range.Begin, (int)(range.End - range.Begin)).Root()))];

    private TreeEdge EdgeOf(int begin, int count)
    {
        var edge = new TreeEdge();
        Leaves.Skip(begin).Take(count).ToList().ForEach(leaf => edge.AppendLeaf(leaf));
        return edge;
    }
}
