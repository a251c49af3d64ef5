using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Feeds fetched from a server that publishes, disconnects and reports that nothing changed.</summary>
public sealed class FeedTests : FeedFixture
{
    private ServiceFixture<ScannerOptions> _scanner = null!;
    private ServiceFixture<ScannerOptions> _another = null!;
    private EventRecorder _events = null!;

    private static readonly string[] Names =
    [
        "breaks", "large", "sum", "badsum", "nothing", "slow", "gone", "dead", "hash", "badhash", "bomb", "bombsum", "timed", "weak",
        "blind", "told"
    ];

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Publisher.Publish("/breaks", Osv("PYSEC-3000-1", "High", padding: 600_000), breakAfter: 300_000);
        Publisher.Publish("/large", Osv("PYSEC-3000-2", "", padding: 1_100_000));
        Publisher.Publish("/sum", Gzipped.Of(Osv("PYSEC-3000-3", "")));
        Publisher.Publish(
            "/sum.meta", Encoding.UTF8.GetBytes("size:1\r\nsha256:" + Convert.ToHexString(SHA256.HashData(Osv("PYSEC-3000-3", "")))));
        Publisher.Publish("/badsum", Osv("PYSEC-3000-4", ""));
        Publisher.Publish("/badsum.meta", Encoding.UTF8.GetBytes("sha256:" + new string('0', 64)));
        Publisher.Publish("/nothing", Encoding.UTF8.GetBytes("<html>Sign in</html>"));
        Publisher.Publish("/slow", Osv("PYSEC-3000-5", ""), wait: TimeSpan.FromSeconds(3));
        Publisher.Publish("/hash", Osv("PYSEC-3000-6", "as it was"), hash: "crc32c=op6BOA==,md5=UfzwhEJAcdY+AjhF8pPqvA==");
        Publisher.Publish("/badhash", Osv("PYSEC-3000-7", ""), hash: "crc32c=AAAAAA==");
        // 20 MB of spaces in 20 kB.
        Publisher.Publish("/bomb", Gzipped.Of([.. Osv("PYSEC-3000-8", ""), .. Enumerable.Repeat((byte)' ', 20_000_000)]));
        Publisher.Publish("/bombsum", Gzipped.Of([.. Osv("PYSEC-3000-9", ""), .. Enumerable.Repeat((byte)' ', 20_000_000)]));
        Publisher.Publish("/bombsum.meta", Encoding.UTF8.GetBytes(new string('1', 64)));
        Publisher.Publish("/timed", Osv("PYSEC-3000-10", "", padding: 600_000), breakAfter: 300_000, knownBy: FeedServer.KnownBy.Time);
        Publisher.Publish("/weak", Osv("PYSEC-3000-11", "", padding: 600_000), breakAfter: 300_000, knownBy: FeedServer.KnownBy.WeakTag);
        Publisher.Publish("/blind", Osv("PYSEC-3000-12", "", padding: 600_000), breakAfter: 300_000, knownBy: FeedServer.KnownBy.Nothing);
        Publisher.Publish("/told", Osv("PYSEC-3000-13", ""));
        _scanner = await StartScannerAsync(null);
        _another = await StartScannerAsync(_scanner.MessagingPrefix);
        _events = await EventRecorder.StartAsync(
            _scanner.MessagingPrefix, on => on.Event<AuditEventOccurred>().Event<EnvironmentScanned>());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        foreach (var started in new IAsyncDisposable?[] { _events, _another, _scanner })
        {
            if (started is not null)
            {
                await started.DisposeAsync();
            }
        }
    }

    [Test]
    public async Task A_download_that_breaks_off_goes_on_where_it_was_and_what_did_not_change_is_not_sent_again()
    {
        var first = await SucceededAsync("breaks");
        var asked = Publisher.RequestsFor("/breaks");
        Assert.Multiple(async () =>
        {
            Assert.That(asked.Select(one => one.Status), Is.EqualTo(new[] { 200, 206 }));
            Assert.That(asked[1].Range, Does.Match("^bytes=[1-9][0-9]{3,}-$"));
            Assert.That(asked[1].IfRange, Is.Not.Empty);
            Assert.That(
                await ScalarAsync<string>("select convert_from(raw, 'UTF8')::json ->> 'details' from advisories where id = 'PYSEC-3000-1'"),
                Does.StartWith("High").And.Length.EqualTo(600_004), "whole");
            Assert.That(first.GetProperty("failures").GetInt32(), Is.Zero);
            Assert.That(first.GetProperty("stale").GetBoolean(), Is.False);
        });

        var before = first.GetProperty("last_success_at").GetDateTimeOffset();
        await DueAsync("breaks");
        var unchanged = await FeedAsync("breaks", feed => feed.GetProperty("last_success_at").GetDateTimeOffset() > before);
        Assert.Multiple(() =>
        {
            Assert.That(Publisher.RequestsFor("/breaks")[^1].Status, Is.EqualTo(304));
            Assert.That(
                unchanged.GetProperty("import_id").GetGuid(), Is.EqualTo(first.GetProperty("import_id").GetGuid()), "nothing was imported");
            Assert.That(unchanged.GetProperty("next_at").GetDateTimeOffset(),
                Is.GreaterThan(unchanged.GetProperty("last_success_at").GetDateTimeOffset()));
        });

        Publisher.Publish("/breaks", Osv("PYSEC-3000-1", "Low"));
        await DueAsync("breaks");
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<string>(
                "select convert_from(raw, 'UTF8')::json ->> 'details' from advisories where id = 'PYSEC-3000-1'") == "Low",
            "the newer file is imported", 30);
    }

    [TestCase("timed", 206, 304)]
    [TestCase("weak", 200, 304)]
    [TestCase("blind", 200, 200)]
    public async Task What_a_publisher_cannot_tell_is_fetched_from_the_beginning(string name, int rest, int again)
    {
        var first = await SucceededAsync(name);
        await DueAsync(name);
        await FeedAsync(name,
            feed => feed.GetProperty("last_success_at").GetDateTimeOffset() > first.GetProperty("last_success_at").GetDateTimeOffset());
        var asked = Publisher.RequestsFor("/" + name);
        Assert.That(asked.Select(one => one.Status), Is.EqualTo(new[] { 200, rest, again }));
        Assert.That(
            asked[1].Range is { Length: > 0 }, Is.EqualTo(rest == 206), "the rest is asked for only of what is surely the same file");
    }

    [Test]
    public async Task A_file_that_its_checksum_speaks_of_is_imported_and_another_is_not()
    {
        await SucceededAsync("sum");
        var bad = await FeedAsync("badsum", feed => feed.GetProperty("failures").GetInt32() > 0);
        Assert.That(bad.GetProperty("error").GetString(), Does.Contain("checksum"));
        Assert.That(await ScalarAsync<long>("select count(*) from advisories where id = 'PYSEC-3000-4'"), Is.Zero);
    }

    [Test]
    public async Task A_file_that_the_digest_beside_it_speaks_of_is_imported_and_a_damaged_one_leaves_what_was()
    {
        await SucceededAsync("hash");
        Publisher.Publish("/hash", Osv("PYSEC-3000-6", "damaged on the way"), hash: "crc32c=AAAAAA==");
        await DueAsync("hash");
        var bad = await FeedAsync("hash", feed => feed.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(async () =>
        {
            Assert.That(bad.GetProperty("error").GetString(), Does.Contain("x-goog-hash"));
            Assert.That(bad.GetProperty("last_success_at").ValueKind, Is.EqualTo(JsonValueKind.String));
            Assert.That(
                await ScalarAsync<string>("select description from vulnerabilities where id = 'PYSEC-3000-6'"), Is.EqualTo("as it was"));
        });
    }

    [Test]
    public async Task A_file_that_unpacks_to_more_than_it_may_is_refused()
    {
        var bomb = await FeedAsync("bomb", feed => feed.GetProperty("failures").GetInt32() > 0);
        var checkedBomb = await FeedAsync("bombsum", feed => feed.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(async () =>
        {
            Assert.That(bomb.GetProperty("error").GetString(), Does.Contain("unpacks to more bytes than the limit"));
            Assert.That(checkedBomb.GetProperty("error").GetString(), Does.Contain("unpacks to more than 10000000 bytes"));
            Assert.That(await ScalarAsync<long>("select count(*) from advisories where id in ('PYSEC-3000-8', 'PYSEC-3000-9')"), Is.Zero);
        });
    }

    [TestCase("gone", "404")]
    [TestCase("large", "larger than 1000000 bytes")]
    [TestCase("nothing", "zip of OSV records")]
    [TestCase("dead", "broke off")]
    [TestCase("badhash", "x-goog-hash")]
    public async Task A_feed_that_fails_says_why_and_is_tried_again_later(string name, string reason)
    {
        var feed = await FeedAsync(name, one => one.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(() =>
        {
            Assert.That(feed.GetProperty("error").GetString(), Does.Contain(reason));
            Assert.That(feed.GetProperty("last_success_at").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(feed.GetProperty("next_at").GetDateTimeOffset(),
                Is.GreaterThan(feed.GetProperty("last_attempt_at").GetDateTimeOffset().AddSeconds(30)));
        });
    }

    [Test]
    public async Task Of_two_instances_one_fetches_and_the_import_is_audited_as_the_platforms_own()
    {
        var feed = await SucceededAsync("slow");
        Assert.That(Publisher.RequestsFor("/slow"), Has.Length.EqualTo(1));
        var import = feed.GetProperty("import_id").GetString();
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_events.Heard<AuditEventOccurred>()
                .Any(e => e.ActionKey == "advisories_imported" && e.Target.Id == import && e.Actor.Type == "system")), "the audit event");
        Assert.That(await ScalarAsync<long>("select count(*) from imports where status = 'running'"), Is.Zero,
            "a file that was refused leaves no import behind");
    }

    [Test]
    public async Task Each_sync_is_in_the_audit_log_from_its_beginning_to_its_end()
    {
        var feed = await SucceededAsync("told");
        var imported = await AuditAsync("feed_sync_completed", "told");
        Assert.Multiple(() =>
        {
            Assert.That(imported.Meta.GetProperty("outcome").GetString(), Is.EqualTo("imported"));
            Assert.That(imported.Meta.GetProperty("import").GetString(), Is.EqualTo(feed.GetProperty("import_id").GetString()));
            Assert.That(imported.Meta.GetProperty("added").GetInt32(), Is.EqualTo(1));
            Assert.That((imported.Actor.Type, imported.OrganizationId), Is.EqualTo(("system", (OrganizationId?)null)));
        });
        var started = await AuditAsync("feed_sync_started", "told");
        var import = (await HeardAsync(one => one.ActionKey == "advisories_imported" && one.TraceId == imported.TraceId))[0];
        Assert.That((started.TraceId, import.Target.Id), Is.EqualTo((imported.TraceId, feed.GetProperty("import_id").GetString())));
        Assert.That(imported.TraceId, Has.Length.EqualTo(32));

        var failed = await AuditAsync("feed_sync_failed", "badsum");
        Assert.That(failed.Meta.GetProperty("error").GetString(), Does.Contain("checksum"));
        Assert.That(failed.Meta.GetProperty("failures").GetInt32(), Is.EqualTo(1));

        var before = feed.GetProperty("last_success_at").GetDateTimeOffset();
        using var client = _scanner.As(Operator);
        using var requested = await client.PostAsync(new Uri("/api/v1/advisories/feeds/told/sync", UriKind.Relative), null);
        Assert.That(requested.StatusCode, Is.EqualTo(HttpStatusCode.Accepted));
        await FeedAsync("told", one => one.GetProperty("last_success_at").GetDateTimeOffset() > before);
        await HeardAsync(one => one.ActionKey == "feed_sync_completed" && one.Target.Id == "told"
            && one.Meta.GetProperty("outcome").GetString() == "unchanged");
        Assert.That((await AuditAsync("feed_sync_requested", "told")).Actor.Id, Is.EqualTo(Operator.SubjectId.ToString()));
    }

    [Test]
    public async Task A_feed_that_is_not_current_for_two_days_is_seen_in_health()
    {
        await FeedAsync("gone", one => one.GetProperty("failures").GetInt32() > 0);
        await ExecuteAsync("update feeds set created_at = created_at - interval '47 hours 50 minutes' where name = 'gone'");
        Assert.That((await FeedAsync("gone", _ => true)).GetProperty("stale").GetBoolean(), Is.False);
        await ExecuteAsync("update feeds set created_at = created_at - interval '10 minutes' where name = 'gone'");
        Assert.That((await FeedAsync("gone", _ => true)).GetProperty("stale").GetBoolean(), Is.True);
        using var client = _scanner.As(null);
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
                var said = await ready.Content.ReadAsStringAsync();
                return ready.StatusCode == HttpStatusCode.OK && said.Contains("degraded", StringComparison.OrdinalIgnoreCase)
                    && said.Contains("gone", StringComparison.Ordinal);
            }, "health is degraded and names the feed, and the service still works");
        await ExecuteAsync("update feeds set created_at = now() where name = 'gone'");
    }

    [Test]
    public async Task Without_being_switched_on_no_feed_is_fetched()
    {
        await using var own = await TestDatabase.CreateAsync();
        await using var quiet = await ServiceFixture<ScannerOptions>.StartAsync("scanner", own, Settings(null, null));
        using var client = quiet.As(Operator);
        var feeds = (await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/feeds", UriKind.Relative))).GetProperty("items")
            .EnumerateArray().ToArray();
        Assert.That(
            feeds.Select(feed => feed.GetProperty("name").GetString()), Does.Contain("pypi").And.Contain("kev").And.Contain("epss"));
        Assert.That(
            feeds.Where(feed => feed.GetProperty("enabled").GetBoolean() || feed.GetProperty("next_at").ValueKind != JsonValueKind.Null),
            Is.Empty);
        Assert.That(feeds.Select(feed => feed.GetProperty("state").GetString()), Is.All.EqualTo("off"));
        foreach (var path in new[] { "sync", "pypi/sync", "nonsense/sync" })
        {
            using var refused = await client.PostAsync(new Uri($"/api/v1/advisories/feeds/{path}", UriKind.Relative), null);
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Conflict), path);
            Assert.That(await refused.Content.ReadAsStringAsync(), Does.Contain("feeds_off"));
        }
    }

    [Test]
    public async Task Only_operators_see_the_feeds_and_ask_for_a_look()
    {
        foreach (var (caller, status) in new[]
        {
            (TestCaller.Of(TestCaller.NewOrganization(), "ada@example.org"), HttpStatusCode.Forbidden),
            (null, HttpStatusCode.Unauthorized)
        })
        {
            using var client = _scanner.As(caller);
            using var response = await client.GetAsync(new Uri("/api/v1/advisories/feeds", UriKind.Relative));
            using var sync = await client.PostAsync(new Uri("/api/v1/advisories/feeds/sync", UriKind.Relative), null);
            Assert.That((response.StatusCode, sync.StatusCode), Is.EqualTo((status, status)));
        }
    }

    private Task<JsonElement> FeedAsync(string name, Func<JsonElement, bool> until) => FeedAsync(_scanner, name, until);

    private Task<JsonElement> SucceededAsync(string name) => SucceededAsync(_scanner, name);

    private Task<ServiceFixture<ScannerOptions>> StartScannerAsync(string? messagingPrefix)
    {
        var settings = Settings(messagingPrefix, Names);
        settings["Scanner:MaxImportBytes"] = "1000000";
        settings["Scanner:MaxUnpackedBytes"] = "10000000";
        settings["Feeds:Sources:dead:Url"] = "http://127.0.0.1:9/";
        foreach (var name in new[] { "sum", "badsum", "bombsum" })
        {
            settings[$"Feeds:Sources:{name}:ChecksumUrl"] = $"{Publisher.Address}/{name}.meta";
        }

        return ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings);
    }

    private Task DueAsync(string name) => ExecuteAsync("update feeds set due_at = now() where name = @name", new { name });

    private async Task<AuditEventOccurred> AuditAsync(string action, string feed) =>
        (await HeardAsync(one => one.ActionKey == action && one.Target.Id == feed))[0];

    private Task<AuditEventOccurred[]> HeardAsync(Func<AuditEventOccurred, bool> which) => Eventually.GetAsync(
        () => Task.FromResult(_events.Heard<AuditEventOccurred>().Where(which).ToArray() is { Length: > 0 } heard ? heard : null),
        "the audit event", 60);
}
