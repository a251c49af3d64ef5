using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;
using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Proofs;

/// <summary>The trees of real logs, and all that is served of them, with two instances.</summary>
public sealed class ProofTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(instances: 2);

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Every_event_of_a_log_is_proved_to_a_signed_root_that_is_that_of_the_rows()
    {
        var log = await NewLogAsync(600);
        var leaves = await LeavesAsync(log);
        var checkpoint = await CheckpointAsync(log, 600);
        Assert.That(checkpoint.Root.ToArray(), Is.EqualTo(NaiveTree.Root(leaves)));
        foreach (var seq in new[] { 1, 2, 255, 256, 257, 511, 512, 513, 600 })
        {
            var id = await _platform.ScalarAsync<Guid>(
                "select event_id from audit_events where org_id = $1 and seq = $2", log.Id.Value, (long)seq);
            var proof = await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/{id}/proof");
            var hashes = Hashes(proof);
            var root = Checkpoint.Parse(SignedNote.Parse(proof.GetProperty("checkpoint").GetString()!)!.Text)!;
            var leaf = MerkleHash.Leaf(Encoding.UTF8.GetBytes(proof.GetProperty("entry").GetString()!));
            Assert.Multiple(() =>
            {
                Assert.That(hashes, Is.EqualTo(NaiveTree.Path(seq - 1, leaves)), $"{seq}");
                Assert.That(leaf, Is.EqualTo(leaves[seq - 1]));
                Assert.That(
                    MerkleProof.IsIncluded(leaf, proof.GetProperty("index").GetInt64(), root.Size, hashes, root.Root.Span), Is.True);
            });
        }
    }

    [Test]
    public async Task A_proof_of_an_event_that_is_read_at_once_is_there()
    {
        var log = TestCaller.NewOrganization(Roles.Auditor);
        var occurred = _platform.NewEvent(organization: log.Id);
        await _platform.PublishAsync(occurred);
        await _platform.UntilSizeAsync(log.Id, 1);
        var proof = await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/{occurred.EventId}/proof");
        Assert.That(proof.GetProperty("tree_size").GetInt64(), Is.GreaterThanOrEqualTo(1));
    }

    [Test]
    public async Task A_log_that_grew_is_consistent_with_what_it_was()
    {
        var log = await NewLogAsync(300);
        var earlier = await CheckpointAsync(log, 300);
        await _platform.PublishAsync(Enumerable.Range(0, 40).Select(_ => _platform.NewEvent(organization: log.Id)));
        await _platform.UntilSizeAsync(log.Id, 340);
        var later = await CheckpointAsync(log, 340);
        foreach (var (from, root) in new[] { (300L, earlier.Root), (0, MerkleHash.Empty), (340, later.Root), (256, default) })
        {
            var proof = Hashes(await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/consistency?from={from}&to=340"));
            var expected = root.IsEmpty ? NaiveTree.Root((await LeavesAsync(log))[..(int)from]) : root.ToArray();
            Assert.That(MerkleProof.IsConsistent(from, expected, 340, later.Root.Span, proof), Is.True, $"{from}");
        }
    }

    [Test]
    public async Task The_tiles_hold_all_hashes_and_all_entries()
    {
        var log = await NewLogAsync(520);
        var leaves = await LeavesAsync(log);
        async Task<byte[]> GetAsync(string path) =>
            await As(log).GetByteArrayAsync(new Uri("/api/audit-logs/tile/" + path, UriKind.Relative));
        async Task<HttpStatusCode> StatusAsync(string path)
        {
            using var response = await As(log).GetAsync(new Uri("/api/audit-logs/tile/" + path, UriKind.Relative));
            return response.StatusCode;
        }

        Assert.That(await GetAsync("0/000"), Is.EqualTo(leaves.Take(256).SelectMany(leaf => leaf)));
        Assert.That(await GetAsync("0/002.p/8"), Is.EqualTo(leaves.Skip(512).SelectMany(leaf => leaf)));
        Assert.That(await GetAsync("0/002.p/3"), Is.EqualTo(leaves.Skip(512).Take(3).SelectMany(leaf => leaf)), "of an earlier size");
        Assert.That(await GetAsync("1/000.p/2"), Is.EqualTo(
            NaiveTree.Root(leaves[..256]).Concat(NaiveTree.Root(leaves[256..512]))));
        var entries = await GetAsync("entries/002.p/8");
        var read = new List<byte[]>();
        for (var at = 0; at < entries.Length;)
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(entries.AsSpan(at));
            read.Add(MerkleHash.Leaf(entries.AsSpan(at + 2, length)));
            at += 2 + length;
        }

        Assert.That(read, Is.EqualTo(leaves[512..]));
        foreach (var missing in new[] { "0/002", "0/002.p/9", "0/003.p/1", "1/000", "2/000.p/1", "entries/002", "8/000", "x/000", "0/00" })
        {
            Assert.That(await StatusAsync(missing), Is.EqualTo(HttpStatusCode.NotFound), missing);
        }
    }

    [Test]
    public async Task What_was_appended_without_a_tree_gets_its_leaves()
    {
        var log = await NewLogAsync(700);
        var before = await CheckpointAsync(log, 700);
        // As an older version left it, and then went on.
        await _platform.ScalarAsync<int>("delete from audit_tree_hashes where org_id = $1", log.Id.Value);
        await _platform.ScalarAsync<int>("delete from audit_checkpoints where org_id = $1", log.Id.Value);
        await _platform.ScalarAsync<int>("update audit_heads set tree_size = 0, tree_edge = '' where org_id = $1", log.Id.Value);
        await _platform.PublishAsync(Enumerable.Range(0, 10).Select(_ => _platform.NewEvent(organization: log.Id)));
        await _platform.UntilSizeAsync(log.Id, 710);
        var after = await CheckpointAsync(log, 710);
        var leaves = await LeavesAsync(log);
        Assert.That(after.Root.ToArray(), Is.EqualTo(NaiveTree.Root(leaves)));
        var proof = Hashes(await As(log).GetFromJsonAsync<JsonElement>("/api/audit-logs/consistency?from=700&to=710"));
        Assert.That(MerkleProof.IsConsistent(700, before.Root.Span, 710, after.Root.Span, proof), Is.True);
    }

    [Test]
    public async Task An_empty_log_has_a_signed_checkpoint_too()
    {
        var log = TestCaller.NewOrganization(Roles.Auditor);
        var checkpoint = await CheckpointAsync(log, 0);
        Assert.That((checkpoint.Size, checkpoint.Root.ToArray()), Is.EqualTo((0L, MerkleHash.Empty)));
    }

    [Test]
    public async Task A_silent_log_is_signed_anew()
    {
        var log = await NewLogAsync(1);
        await CheckpointAsync(log, 1);
        await _platform.ScalarAsync<int>(
            "update audit_checkpoints set signed_at = now() - interval '11 minutes' where org_id = $1", log.Id.Value);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<bool>(
                "select signed_at > now() - interval '5 minutes' from audit_checkpoints where org_id = $1", log.Id.Value),
            "signed anew", 60);
    }

    [Test]
    public async Task The_service_itself_cannot_change_what_is_in_the_tree()
    {
        var allowed = await _platform.ScalarAsync<string>(
            """
            select string_agg(t || ' ' || p, ', ')
            from unnest(array['audit_events', 'audit_event_ids', 'audit_tree_hashes', 'audit_signing_keys']) as t,
                unnest(array['update', 'delete', 'truncate']) as p
            where has_table_privilege(current_database()::text, t, p)
            """);
        Assert.That(allowed, Is.Null);
    }

    [TestCase("/consistency", "from")]
    [TestCase("/consistency?from=1", "to")]
    [TestCase("/consistency?from=2&to=1", "from")]
    [TestCase("/consistency?from=-1&to=1", "from")]
    [TestCase("/consistency?from=1&to=x", "to")]
    [TestCase("/0192f0c1-0000-7000-8000-000000000001/proof?tree_size=x", "tree_size")]
    [TestCase("/no-uuid/proof", "id")]
    public async Task Invalid_input_is_422_and_says_where(string path, string name)
    {
        using var response = await _platform.Auditor().GetAsync(new Uri("/api/audit-logs" + path, UriKind.Relative));
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((int)response.StatusCode, Is.EqualTo(422));
        Assert.That(answer.GetProperty("detail")[0].GetProperty("loc")[1].GetString(), Is.EqualTo(name));
    }

    [Test]
    public async Task Another_organizations_event_and_a_size_that_is_not_there_have_no_proof()
    {
        var log = await NewLogAsync(3);
        var id = await _platform.ScalarAsync<Guid>("select event_id from audit_events where org_id = $1 and seq = 2", log.Id.Value);
        async Task<int> StatusAsync(Membership reader, string path)
        {
            using var response = await As(reader).GetAsync(new Uri("/api/audit-logs" + path, UriKind.Relative));
            return (int)response.StatusCode;
        }

        Assert.That(await StatusAsync(TestCaller.NewOrganization(Roles.Auditor), $"/{id}/proof"), Is.EqualTo(404));
        Assert.That(await StatusAsync(log, $"/{id}/proof?tree_size=4"), Is.EqualTo(404));
        Assert.That(await StatusAsync(log, $"/{id}/proof?tree_size=1"), Is.EqualTo(422));
        Assert.That(await StatusAsync(log, "/consistency?from=1&to=4"), Is.EqualTo(404));
        Assert.That(await StatusAsync(log, $"/{id}/proof?tree_size=2"), Is.EqualTo(200));
    }

    private HttpClient As(Membership log) => _platform.Instances[1].As(TestCaller.Of(log));

    private async Task<Membership> NewLogAsync(int events)
    {
        var log = TestCaller.NewOrganization(Roles.Auditor);
        await _platform.PublishAsync(Enumerable.Range(0, events).Select(_ => _platform.NewEvent(organization: log.Id)));
        await _platform.UntilSizeAsync(log.Id, events);
        return log;
    }

    /// <summary>The checkpoint when it covers so many events, with its signature verified.</summary>
    private async Task<Checkpoint> CheckpointAsync(Membership log, long size)
    {
        Checkpoint? checkpoint = null;
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                var text = await As(log).GetStringAsync(new Uri("/api/audit-logs/checkpoint", UriKind.Relative));
                var note = SignedNote.Parse(text)!;
                checkpoint = Checkpoint.Parse(note.Text);
                var keys = await As(log).GetFromJsonAsync<JsonElement>("/api/audit-logs/keys");
                var key = NoteKey.Parse(keys.GetProperty("items")[0].GetProperty("key").GetString()!)!;
                Assert.That(note.IsSignedBy(key, out var time), Is.True, text);
                Assert.That(time, Is.Not.Null);
                Assert.That((key.Name, checkpoint!.Origin), Is.EqualTo(($"envplatform/{log.Id}", $"envplatform/{log.Id}")));
                return checkpoint.Size == size;
            }, $"a checkpoint of {size} events", 60);
        return checkpoint!;
    }

    private async Task<List<byte[]>> LeavesAsync(Membership log)
    {
        var leaves = new List<byte[]>();
        await using var command = _platform.Db.CreateCommand("select entry from audit_events where org_id = $1 order by seq");
        command.Parameters.Add(new() { Value = log.Id.Value });
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            leaves.Add(MerkleHash.Leaf(reader.GetFieldValue<byte[]>(0)));
        }

        return leaves;
    }

    private static List<byte[]> Hashes(JsonElement proof) =>
        [.. proof.GetProperty("hashes").EnumerateArray().Select(hash => Convert.FromBase64String(hash.GetString()!))];
}
