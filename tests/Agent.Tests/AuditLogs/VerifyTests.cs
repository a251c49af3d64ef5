using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Tests.Commands;
using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.Tests.AuditLogs;

/// <summary>
/// Every kind of tampering is noticed and named, by the agent and by the verifier in <c>clients/verify</c>, which agree in every case.
/// </summary>
public sealed class VerifyTests : CommandFixture
{
    private static readonly string Verifier = Path.Combine(TestData.Repository, "clients", "verify", "envplatform_verify.py");

    public static IEnumerable<TestCaseData> Live()
    {
        static TestCaseData Of(string name, string expected, Action<FakeLog> tamper) =>
            new TestCaseData(tamper, expected).SetArgDisplayNames(name);
        yield return Of("honest", "", _ => { });
        yield return Of("a changed byte", "changed 17", log => log.Entries[16][^5] ^= 1);
        yield return Of("an event rewritten with its number", "changed 17", log => log.Entries[16] = FakeLog.EntryOf(17, "forged"));
        yield return Of("an event that is no JSON", "changed 17", log => log.Entries[16] = [1, 2, 3]);
        yield return Of("dropped", "dropped 300", log => log.Entries.RemoveAt(299));
        yield return Of("emptied", "changed 257", log => log.Entries[256] = []);
        yield return Of("dropped in the last tile", "dropped 290", log => log.Entries.RemoveAt(289));
        yield return Of("reordered", "reordered 40", log => (log.Entries[39], log.Entries[40]) = (log.Entries[40], log.Entries[39]));
        yield return Of("inserted", "inserted 301", log => log.Entries.Add(FakeLog.EntryOf(301, "forged")));
        yield return Of("there twice", "inserted 300", log => log.Entries.Add(FakeLog.EntryOf(300)));
        yield return Of("event and leaf rewritten", "rewritten ", log =>
        {
            log.Checkpoint = log.Sign();
            log.Entries[16] = FakeLog.EntryOf(17, "forged");
            log.Leaves[16] = MerkleHash.Leaf(log.Entries[16]);
        });
        yield return Of("signed by another key", "forged_checkpoint ", log => log.Checkpoint = log.Sign(FakeLog.Other));
        yield return Of("another size under the signature", "forged_checkpoint ",
            log => log.Checkpoint = log.Sign().Replace("\n300\n", "\n299\n", StringComparison.Ordinal));
        yield return Of("no signature", "forged_checkpoint ", log => log.Checkpoint = log.Sign().Split("\n\n")[0] + "\n");
        yield return Of("signed after the key's end", "expired_key ", log => log.Checkpoint = log.Sign(at: Time("2100-01-02")));
        yield return Of("signed before the key's time", "expired_key ", log => log.Checkpoint = log.Sign(at: Time("2025-12-31")));
        yield return Of("without its time", "expired_key ", log =>
        {
            var lines = log.Sign().Split('\n');
            log.Checkpoint = string.Join('\n', lines[..^2]) + "\n";
        });
        yield return Of("an old checkpoint", "stale_checkpoint ",
            log => log.Checkpoint = log.Sign(at: TimeProvider.System.GetUtcNow().AddHours(-1)));
    }

    [TestCaseSource(nameof(Live))]
    public async Task A_live_log(Action<FakeLog> tamper, string expected)
    {
        var log = new FakeLog(300);
        log.Serve(Platform);
        tamper(log);
        await ExpectAsync(expected, isLive: true);
    }

    public static IEnumerable<TestCaseData> Grown()
    {
        static TestCaseData Of(string name, string expected, Action<FakeLog> become) =>
            new TestCaseData(become, expected).SetArgDisplayNames(name);
        yield return Of("grown", "", log => log.Grow(340));
        yield return Of("the same", "", _ => { });
        yield return Of("rolled back", "rolled_back ", log => log.Become(new(200)));
        yield return Of("rolled back and grown otherwise", "split_view ", log =>
        {
            log.Become(new(290));
            log.Grow(340, "another history");
        });
        yield return Of("another history of the same size", "split_view ", log => log.Become(new(300, "another history")));
        yield return Of("one event rewritten, and signed anew", "split_view ", log =>
        {
            log.Grow(340);
            log.Entries[16] = FakeLog.EntryOf(17, "forged");
            log.Leaves[16] = MerkleHash.Leaf(log.Entries[16]);
        });
    }

    [TestCaseSource(nameof(Grown))]
    public async Task A_live_log_against_a_checkpoint_that_was_kept(Action<FakeLog> become, string expected)
    {
        var log = new FakeLog(300);
        var kept = Machine.Write("kept.checkpoint", log.Sign());
        become(log);
        log.Serve(Platform);
        await ExpectAsync(expected, isLive: true, "--checkpoint", kept);
    }

    [Test]
    public async Task A_checkpoint_of_another_that_nobody_signed_is_a_forgery()
    {
        var log = new FakeLog(300);
        log.Serve(Platform);
        await ExpectAsync("forged_checkpoint ", isLive: true, "--checkpoint", Machine.Write("kept.checkpoint", log.Sign(FakeLog.Other)));
    }

    [TestCaseSource(nameof(Grown))]
    public async Task The_agent_remembers_what_it_verified(Action<FakeLog> become, string expected)
    {
        var log = new FakeLog(300);
        log.Serve(Platform);
        var first = await Machine.RunAsync("audit-log", "verify");
        Assert.That(first.ExitCode, Is.EqualTo(0), first.Out + first.Error);
        Assert.That(first.Error, Does.Contain(FakeLog.Signer.Key.ToString()), "the key that it trusts at first sight");
        become(log);
        log.Serve(Platform);
        var second = await Machine.RunAsync("audit-log", "verify", "--json");
        Assert.That(Problems(second), Is.EqualTo(expected), second.Error);
        Assert.That(second.Error, Is.Empty, "the key is known");
    }

    [Test]
    public async Task A_new_key_is_trusted_when_it_signs_together_with_a_known_one_and_not_otherwise()
    {
        var log = new FakeLog(3);
        log.Serve(Platform);
        Assert.That((await Machine.RunAsync("audit-log", "verify")).ExitCode, Is.EqualTo(0));
        log.Keys = FakeLog.KeysOf(FakeLog.Other, "2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
        log.Checkpoint = log.Sign(FakeLog.Other);
        Assert.That(Problems(await Machine.RunAsync("audit-log", "verify", "--json")), Is.EqualTo("forged_checkpoint "));
        log.Checkpoint = SignedNote.Sign(
            SignedNote.Parse(log.Sign())!.Text, TimeProvider.System.GetUtcNow(), [FakeLog.Signer, FakeLog.Other]);
        Assert.That((await Machine.RunAsync("audit-log", "verify")).ExitCode, Is.EqualTo(0));
        log.Checkpoint = log.Sign(FakeLog.Other);
        Assert.That((await Machine.RunAsync("audit-log", "verify")).ExitCode, Is.EqualTo(0));
    }

    public static IEnumerable<TestCaseData> Exports()
    {
        static TestCaseData Of(string name, string expected, Action<string[]> tamper, Func<int, bool>? filter = null) =>
            new TestCaseData(tamper, filter, expected).SetArgDisplayNames(name);
        static void Lines(string file, Func<List<string>, IEnumerable<string>> change) =>
            File.WriteAllText(file, string.Concat(change([.. File.ReadAllLines(file)]).Select(line => line + "\n")));
        yield return Of("honest", "", _ => { });
        yield return Of("honest, every third event", "", _ => { }, seq => seq % 3 == 0);
        yield return Of("honest, a part", "", _ => { }, seq => seq is > 100 and < 260);
        yield return Of("honest, nothing", "", _ => { }, _ => false);
        yield return Of("a changed byte", "changed 7",
            files => Lines(files[0], lines => Replace(lines, 6, lines[6].Replace("Token", "Tokem"))));
        yield return Of("dropped", "dropped 7", files => Lines(files[0], lines => lines.Where((_, i) => i != 6)));
        yield return Of("dropped at the end", "dropped 299, dropped 300", files => Lines(files[0], lines => lines.Take(298)));
        yield return Of("reordered", "reordered 7", files => Lines(files[0], lines =>
            lines.Take(6).Append(lines[7]).Append(lines[6]).Concat(lines.Skip(8))));
        yield return Of("inserted", "inserted 301", files => Lines(
            files[0], lines => lines.Append(Encoding.UTF8.GetString(FakeLog.EntryOf(301)))));
        yield return Of("there twice", "inserted 7", files => Lines(files[0], lines => lines.Take(7).Concat(lines.Skip(6))));
        yield return Of("an empty line", "changed_file ", files => Lines(files[0], lines => lines.Append("")));
        yield return Of("another manifest", "changed_manifest ",
            files => Lines(files[1], lines => [lines[0].Replace("\"events\":300", "\"events\":299")]));
        yield return Of("another leaf", "rewritten ", files => Lines(
            files[2], lines => [lines[0].Replace(Leaf(7), Leaf(8))]));
        yield return Of("a proof that ends too early", "rewritten ", files => Lines(files[2], lines => []));
        yield return Of("a proof that is none", "rewritten ", files => Lines(files[2], lines => ["{}"]));
        yield return Of("a checkpoint of another", "forged_checkpoint ", files => Lines(
            files[1], lines => [lines[0].Replace("\\n300\\n", "\\n301\\n")]));
    }

    [TestCaseSource(nameof(Exports))]
    public async Task An_export(Action<string[]> tamper, Func<int, bool>? filter, string expected)
    {
        var file = new FakeLog(300).Export(Machine.Home, filter);
        tamper([file, file.Replace(".jsonl", ".manifest.json"), file.Replace(".jsonl", ".proof.jsonl")]);
        await ExpectAsync(expected, isLive: false, file);
        Assert.That(Platform.Requests, Is.Empty);
    }

    [Test]
    public async Task An_export_without_its_proof_cannot_be_verified()
    {
        var file = new FakeLog(3).Export(Machine.Home);
        File.Delete(file.Replace(".jsonl", ".proof.jsonl"));
        Assert.That((await Machine.RunAsync("audit-log", "verify", file, "--key", FakeLog.Signer.Key.ToString())).ExitCode, Is.EqualTo(2));
        Assert.That((await PythonAsync(file, "--key", FakeLog.Signer.Key.ToString())).ExitCode, Is.EqualTo(2));
    }

    public static IEnumerable<TestCaseData> Events()
    {
        static TestCaseData Of(string name, string expected, Func<string, string> tamper) =>
            new TestCaseData(tamper, expected).SetArgDisplayNames(name);
        static Func<string, string> Set(string member, Func<JsonNode, JsonNode> change) => proof =>
        {
            var json = JsonNode.Parse(proof)!;
            json[member] = change(json[member]!);
            return json.ToJsonString();
        };
        yield return Of("honest", "", proof => proof);
        yield return Of("a changed byte", "changed 257", Set("entry", entry => ((string)entry!).Replace("created", "revoked")));
        yield return Of("a changed byte and its hash", "not_included 257", proof =>
        {
            var json = JsonNode.Parse(proof)!;
            var entry = ((string)json["entry"]!).Replace("created", "revoked");
            (json["entry"], json["leaf_hash"]) =
                (entry, Convert.ToBase64String(MerkleHash.Leaf(Encoding.UTF8.GetBytes(entry))));
            return json.ToJsonString();
        });
        yield return Of("another place", "not_included 257", Set("index", _ => 255));
        yield return Of("another size", "not_included 257", Set("tree_size", _ => 301));
        yield return Of("a hash too few", "not_included 257", Set("hashes", hashes =>
            new JsonArray([.. hashes.AsArray().Skip(1).Select(hash => hash!.DeepClone())])));
        yield return Of("a hash that is none", "not_included 257", Set("hashes", _ => new JsonArray("AAAA")));
        yield return Of("a forged checkpoint", "forged_checkpoint ",
            Set("checkpoint", note => ((string)note!).Replace("\n300\n", "\n301\n")));
    }

    [TestCaseSource(nameof(Events))]
    public async Task A_single_event(Func<string, string> tamper, string expected)
    {
        var file = Machine.Write("event.json", tamper(new FakeLog(300).ProofOf(257)));
        await ExpectAsync(expected, isLive: false, file);
        Assert.That(Platform.Requests, Is.Empty);
    }

    [TestCase("audit-log", "verify", "{event}", Description = "which key?")]
    [TestCase("audit-log", "verify", "{event}", "--key", "no key")]
    [TestCase("audit-log", "verify", "{event}", "--checkpoint", "x", "--key", "{key}")]
    [TestCase("audit-log", "verify", "--max-age", "0")]
    public async Task What_cannot_be_meant_is_64(params string[] args)
    {
        var file = Machine.Write("event.json", new FakeLog(3).ProofOf(2));
        var ended = await Machine.RunAsync([.. args.Select(arg => arg.Replace("{event}", file).Replace("{key}", $"{FakeLog.Signer.Key}"))]);
        Assert.That(ended.ExitCode, Is.EqualTo(64), ended.Error);
    }

    [TestCase("nothing.json")]
    [TestCase("event.json")]
    public async Task What_is_no_event_cannot_be_verified(string file)
    {
        Machine.Write("event.json", "{}");
        Assert.That((await Machine.RunAsync("audit-log", "verify", file, "--key", $"{FakeLog.Signer.Key}")).ExitCode, Is.EqualTo(2));
        Assert.That((await PythonAsync(file, "--key", $"{FakeLog.Signer.Key}")).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task People_are_told_in_words()
    {
        var log = new FakeLog(300);
        log.Serve(Platform);
        log.Entries[16][^5] ^= 1;
        var ended = await Machine.RunAsync("audit-log", "verify", "--key", FakeLog.Signer.Key.ToString());
        Assert.That(ended.ExitCode, Is.EqualTo(1));
        Assert.That(ended.Out, Does.Contain("changed: Event 17 is not as it was logged.").And.Contain("NOT verified: 1 problem."));
    }

    /// <summary>Both verifiers, with the same key, and the same answer.</summary>
    private async Task ExpectAsync(string expected, bool isLive, params string[] args)
    {
        var keys = Machine.Write("keys.json", FakeLog.KeysOf(FakeLog.Signer, "2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"));
        var ours = await Machine.RunAsync(["audit-log", "verify", .. args, "--key", keys, "--json"]);
        Assert.That(Problems(ours), Is.EqualTo(expected), ours.Error);
        Assert.That(ours.ExitCode, Is.EqualTo(expected.Length == 0 ? 0 : 1));
        var theirs = await PythonAsync(
            [.. args, "--key", keys, "--json", .. isLive ? new[] { "--url", Platform.Url, "--org", "acme" } : []]);
        Assert.That(Problems(theirs), Is.EqualTo(expected), theirs.Error);
        Assert.That(theirs.ExitCode, Is.EqualTo(ours.ExitCode));
        foreach (var member in new[] { "verified", "log", "size", "root", "signed_at", "events" })
        {
            Assert.That(theirs.Json()[member]?.ToJsonString(), Is.EqualTo(ours.Json()[member]?.ToJsonString()), member);
        }
    }

    private async Task<Ended> PythonAsync(params string[] args)
    {
        var there = await Machine.RunProgramAsync("/usr/bin/env", "python3", "-c", "import cryptography");
        if (there.ExitCode != 0)
        {
            Assert.That(Environment.GetEnvironmentVariable("CI"), Is.Null.Or.Empty, "python3 with cryptography is missing: " + there.Error);
            Assert.Ignore("python3 with cryptography is not there.");
        }

        return await Machine.RunProgramAsync("/usr/bin/env", ["python3", Verifier, .. args]);
    }

    private static string Problems(Ended ended)
    {
        Assert.That(ended.Out, Is.Not.Empty, ended.Error);
        return string.Join(", ", ended.Json()["problems"]!.AsArray().Select(problem => $"{problem!["kind"]} {problem["seq"]}"));
    }

    private static IEnumerable<string> Replace(List<string> lines, int at, string line) =>
        lines.Select((one, i) => i == at ? line : one);

    private static string Leaf(int seq) => Convert.ToBase64String(MerkleHash.Leaf(FakeLog.EntryOf(seq)));

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text + "T00:00:00Z", CultureInfo.InvariantCulture);
}
