using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;
using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Exports;

/// <summary>Exports: the events that they hold, their proof, their limits, and that they go on when an instance ends.</summary>
public sealed class ExportTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() =>
        _platform = await AuditPlatform.StartAsync(instances: 2, new() { ["Audit:KeptExports"] = "6", ["Audit:OpenExports"] = "2" });

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task An_export_holds_every_event_as_it_was_hashed_and_its_proof_leads_to_the_signed_root()
    {
        var log = await NewLogAsync(2_600);
        var job = await CompletedAsync(log, new { });
        var bytes = await As(log).GetByteArrayAsync(new Uri(job.GetProperty("download_url").GetString()!, UriKind.Relative));
        var manifest = await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/export/{Id(job)}/manifest");
        var lines = Lines(bytes);
        Assert.Multiple(() =>
        {
            Assert.That(job.GetProperty("progress").GetInt32(), Is.EqualTo(100));
            Assert.That(job.GetProperty("total_records").GetInt64(), Is.EqualTo(2_600));
            Assert.That(lines.Select(SeqOf), Is.EqualTo(Enumerable.Range(1, 2_600)));
            Assert.That(manifest.GetProperty("sha256").GetString(), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(bytes))));
            Assert.That(
                (manifest.GetProperty("events").GetInt64(), manifest.GetProperty("first_seq").GetInt64(),
                    manifest.GetProperty("last_seq").GetInt64(), manifest.GetProperty("size").GetInt64()),
                Is.EqualTo((2_600L, 1L, 2_600L, bytes.LongLength)));
        });
        await ProveAsync(log, job, manifest, lines);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<string>(
                """
                select string_agg(distinct action_key, ' ' order by action_key) from audit_events
                where org_id = $1 and target_id = $2 and category = 'audit_log'
                """, log.Id.Value, Id(job)) == "audit_log_export_downloaded audit_log_export_requested", "request and download are events");
    }

    [Test]
    public async Task A_filtered_export_is_proved_as_well()
    {
        var log = await NewLogAsync(700, i => i % 7 == 3 ? "token_created" : "environment_logged");
        var job = await CompletedAsync(log, new { q = new[] { "action_key:token_created" }, search_operator = "and" });
        var bytes = await As(log).GetByteArrayAsync(new Uri($"/api/audit-logs/export/{Id(job)}/download", UriKind.Relative));
        var manifest = await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/export/{Id(job)}/manifest");
        var lines = Lines(bytes);
        Assert.That(lines, Has.Count.EqualTo(100));
        await ProveAsync(log, job, manifest, lines);
    }

    [Test]
    public async Task Any_range_of_an_export_can_be_read()
    {
        var log = await NewLogAsync(2_100);
        var job = await CompletedAsync(log, new { format = "csv" });
        var url = new Uri($"/api/audit-logs/export/{Id(job)}/download", UriKind.Relative);
        var whole = await As(log).GetByteArrayAsync(url);
        Assert.That(Encoding.UTF8.GetString(whole), Does.StartWith("seq,id,occurred_at,").And.EndWith("\r\n"));
        var middle = whole.Length / 2;
        foreach (var (from, to) in new[] { (0L, 9L), (middle, middle + 100_000L), (whole.Length - 5, whole.Length - 1L) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new RangeHeaderValue(from, to) } };
            using var response = await As(log).SendAsync(request);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.PartialContent));
            Assert.That(await response.Content.ReadAsByteArrayAsync(), Is.EqualTo(whole[(int)from..(int)Math.Min(to + 1, whole.Length)]));
        }
    }

    [Test]
    public async Task Events_that_come_later_are_not_in_it_and_nothing_is_an_export_too()
    {
        var log = await NewLogAsync(3);
        var started = await StartAsync(log, new { });
        await _platform.PublishAsync(_platform.NewEvent(organization: log.Id));
        var job = await CompletedAsync(log, started);
        var lines = Lines(await As(log).GetByteArrayAsync(new Uri($"/api/audit-logs/export/{Id(job)}/download", UriKind.Relative)));
        Assert.That(lines.Select(SeqOf), Is.EqualTo(new[] { 1, 2, 3 }));
        var nothing = await CompletedAsync(log, new { q = new[] { "actor_id:nobody" } });
        Assert.That(
            await As(log).GetByteArrayAsync(new Uri($"/api/audit-logs/export/{Id(nothing)}/download", UriKind.Relative)), Is.Empty);
        await ProveAsync(
            log, nothing, await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/export/{Id(nothing)}/manifest"), []);
    }

    /// <summary>As an instance leaves it that was killed after some parts.</summary>
    [Test]
    public async Task An_export_whose_instance_was_killed_goes_on_where_it_was()
    {
        var log = await NewLogAsync(2_500);
        var whole = await CompletedAsync(log, new { });
        var id = Guid.Parse(Id(whole));
        var sha256 = await _platform.ScalarAsync<byte[]>("select sha256 from audit_exports where id = $1", id);
        await _platform.ScalarAsync<int>(
            """
            with cut as (delete from audit_export_parts where export_id = $1 and first_byte > 0 returning 1)
            update audit_exports set status = 'running', sha256 = null, completed_at = null, parts = 1, attempts = 1,
                bytes = (select octet_length(content) from audit_export_parts where export_id = $1 and first_byte = 0),
                written = 1000, last_read = 1000, last_seq = 1000, leased_until = now() + interval '1 second'
            where id = $1
            """, id);
        var again = await CompletedAsync(log, whole);
        Assert.That(Id(again), Is.EqualTo(Id(whole)));
        Assert.That(await _platform.ScalarAsync<byte[]>("select sha256 from audit_exports where id = $1", id), Is.EqualTo(sha256));
    }

    [Test]
    public async Task An_export_that_fails_again_and_again_is_given_up()
    {
        var log = await NewLogAsync(1);
        var job = await CompletedAsync(log, new { });
        await _platform.ScalarAsync<int>(
            "update audit_exports set status = 'running', attempts = 5, leased_until = now() where id = $1", Guid.Parse(Id(job)));
        await Eventually.BecomesTrueAsync(
            async () => (await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/export/{Id(job)}"))
                .GetProperty("status").GetString() == "failed", "it has failed", 60);
        using var download = await As(log).GetAsync(new Uri($"/api/audit-logs/export/{Id(job)}/download", UriKind.Relative));
        Assert.That((int)download.StatusCode, Is.EqualTo(409));
    }

    [Test]
    public async Task Expired_exports_are_gone_and_an_organization_has_a_limit()
    {
        var log = await NewLogAsync(1);
        for (var i = 0; i < 6; i++)
        {
            await CompletedAsync(log, new { });
        }

        using var seventh = await As(log).PostAsJsonAsync("/api/audit-logs/export", new { });
        Assert.That((int)seventh.StatusCode, Is.EqualTo(429));
        var id = await _platform.ScalarAsync<Guid>("select id from audit_exports where org_id = $1 limit 1", log.Id.Value);
        await _platform.ScalarAsync<int>("update audit_exports set expires_at = now() where id = $1", id);
        using var expired = await As(log).GetAsync(new Uri($"/api/audit-logs/export/{id}", UriKind.Relative));
        Assert.That((int)expired.StatusCode, Is.EqualTo(404));
        using var next = await As(log).PostAsJsonAsync("/api/audit-logs/export", new { });
        Assert.That((int)next.StatusCode, Is.EqualTo(202));
    }

    [Test]
    public async Task Another_organizations_export_is_404_and_one_that_is_no_id_422()
    {
        var log = await NewLogAsync(1);
        var job = await CompletedAsync(log, new { });
        foreach (var (path, id, status) in new[] { "", "/download", "/manifest", "/proof" }
            .SelectMany(path => new[] { (path, Id(job), 404), (path, "x", 422) }))
        {
            using var response = await As(TestCaller.NewOrganization(Roles.Auditor)).GetAsync(
                new Uri($"/api/audit-logs/export/{id}{path}", UriKind.Relative));
            Assert.That((int)response.StatusCode, Is.EqualTo(status), path + id);
        }
    }

    [TestCase("""{"q": "nocolon"}""", "q")]
    [TestCase("""{"q": [1]}""", "q")]
    [TestCase("""{"q": ["actor_id:\u0000"]}""", "q")]
    [TestCase("""{"search_operator": "xor"}""", "search_operator")]
    [TestCase("""{"from_date": "yesterday"}""", "from_date")]
    [TestCase("""{"to_date": 5}""", "to_date")]
    [TestCase("""{"format": "xml"}""", "format")]
    [TestCase("""{"format": "json"}""", "format")]
    [TestCase("""{"search": "!"}""", "search")]
    [TestCase("""{"limit": 5}""", "limit")]
    [TestCase("""[]""", "")]
    [TestCase("""{""", "")]
    public async Task Invalid_input_is_422_and_says_where(string body, string name)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _platform.Auditor().PostAsync(new Uri("/api/audit-logs/export", UriKind.Relative), content);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((int)response.StatusCode, Is.EqualTo(422));
        Assert.That(
            answer.GetProperty("detail")[0].GetProperty("loc").EnumerateArray().Select(part => part.GetString()),
            Is.EqualTo(new[] { "body", name }));
    }

    private async Task ProveAsync(Membership log, JsonElement job, JsonElement manifest, List<byte[]> lines)
    {
        var checkpoint = Checkpoint.Parse(SignedNote.Parse(manifest.GetProperty("checkpoint").GetString()!)!.Text)!;
        var proof = await As(log).GetStringAsync(new Uri($"/api/audit-logs/export/{Id(job)}/proof", UriKind.Relative));
        var edge = new TreeEdge();
        var leaves = new List<byte[]>();
        foreach (var part in proof.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement))
        {
            Assert.That(part.GetProperty("from").GetInt64(), Is.EqualTo(edge.Size + 1));
            var hashes = part.TryGetProperty("leaves", out var of) ? of : part.GetProperty("subtrees");
            var read = hashes.EnumerateArray().Select(hash => Convert.FromBase64String(hash.GetString()!)).ToList();
            if (part.TryGetProperty("leaves", out _))
            {
                leaves.AddRange(read);
                read.ForEach(hash => edge.AppendLeaf(hash));
            }
            else
            {
                foreach (var (subtree, hash) in Subtree.Covering(edge.Size, part.GetProperty("to").GetInt64()).ToList().Zip(read))
                {
                    edge.Append(subtree.Level, hash);
                }
            }

            Assert.That(edge.Size, Is.EqualTo(part.GetProperty("to").GetInt64()));
        }

        Assert.That(leaves, Is.EqualTo(lines.Select(line => MerkleHash.Leaf(line))));
        Assert.That(
            (edge.Size, Convert.ToHexString(edge.Root())), Is.EqualTo((checkpoint.Size, Convert.ToHexString(checkpoint.Root.Span))));
    }

    private HttpClient As(Membership log) => _platform.Instances[0].As(TestCaller.Of(log));

    private async Task<JsonElement> StartAsync(Membership log, object request)
    {
        using var response = await As(log).PostAsJsonAsync("/api/audit-logs/export", request);
        Assert.That((int)response.StatusCode, Is.EqualTo(202), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<JsonElement> CompletedAsync(Membership log, object request) =>
        await CompletedAsync(log, await StartAsync(log, request));

    private async Task<JsonElement> CompletedAsync(Membership log, JsonElement job)
    {
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                job = await As(log).GetFromJsonAsync<JsonElement>($"/api/audit-logs/export/{Id(job)}");
                return job.GetProperty("status").GetString() == "completed";
            }, "the export is complete", 90);
        return job;
    }

    private async Task<Membership> NewLogAsync(int events, Func<int, string>? action = null)
    {
        var log = TestCaller.NewOrganization(Roles.Auditor);
        await _platform.PublishAsync(
            Enumerable.Range(0, events).Select(i => _platform.NewEvent(action?.Invoke(i) ?? "environment_logged", log.Id)));
        await _platform.UntilSizeAsync(log.Id, events, 60);
        return log;
    }

    private static string Id(JsonElement job) => job.GetProperty("id").GetString()!;

    private static List<byte[]> Lines(byte[] content) =>
        [.. Encoding.UTF8.GetString(content).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Encoding.UTF8.GetBytes)];

    private static int SeqOf(byte[] line) => JsonDocument.Parse(line).RootElement.GetProperty("seq").GetInt32();
}
