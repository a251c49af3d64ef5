using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Feeds fetched from a server that publishes, breaks off and says that nothing changed.</summary>
public sealed class FeedTests
{
    private readonly TestCaller operatorOfPlatform = TestCaller.Of(TestCaller.NewOrganization(), "operator@example.org") with { IsOperator = true };
    private TestDatabase database = null!;
    private FeedServer publisher = null!;
    private ServiceFixture<ScannerOptions> scanner = null!;
    private ServiceFixture<ScannerOptions> another = null!;
    private NpgsqlDataSource db = null!;
    private EventRecorder events = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        database = await TestDatabase.CreateAsync();
        db = NpgsqlDataSource.Create(database.ConnectionString);
        publisher = await FeedServer.StartAsync();
        publisher.Publish("/breaks", Osv("PYSEC-3000-1", "High", padding: 600_000), breakAfter: 300_000);
        publisher.Publish("/large", Osv("PYSEC-3000-2", "", padding: 1_100_000));
        publisher.Publish("/sum", Gzip(Osv("PYSEC-3000-3", "")));
        publisher.Publish("/sum.meta", Encoding.UTF8.GetBytes("size:1\r\nsha256:" + Convert.ToHexString(SHA256.HashData(Osv("PYSEC-3000-3", "")))));
        publisher.Publish("/badsum", Osv("PYSEC-3000-4", ""));
        publisher.Publish("/badsum.meta", Encoding.UTF8.GetBytes("sha256:" + new string('0', 64)));
        publisher.Publish("/nothing", Encoding.UTF8.GetBytes("<html>Sign in</html>"));
        publisher.Publish("/slow", Osv("PYSEC-3000-5", ""), wait: TimeSpan.FromSeconds(3));
        scanner = await StartScannerAsync(null);
        another = await StartScannerAsync(scanner.MessagingPrefix);
        events = await EventRecorder.StartAsync(scanner.MessagingPrefix, on => on.Event<AuditEventOccurred>().Event<EnvironmentScanned>());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        foreach (var started in new IAsyncDisposable?[] { events, another, scanner, publisher })
        {
            if (started is not null)
            {
                await started.DisposeAsync();
            }
        }

        if (db is not null)
        {
            await db.DisposeAsync();
        }

        if (database is not null)
        {
            await database.DisposeAsync();
        }
    }

    [Test]
    public async Task A_download_that_breaks_off_goes_on_where_it_was_and_what_did_not_change_is_not_sent_again()
    {
        var first = await SucceededAsync("breaks");
        var asked = publisher.RequestsFor("/breaks");
        Assert.Multiple(async () =>
        {
            Assert.That(asked.Select(one => one.Status), Is.EqualTo(new[] { 200, 206 }));
            Assert.That(asked[1].Range, Does.Match("^bytes=[1-9][0-9]{3,}-$"));
            Assert.That(asked[1].IfRange, Is.Not.Empty);
            Assert.That(await ScalarAsync<string>("select description from vulnerabilities where id = 'PYSEC-3000-1'"), Does.StartWith("High").And.Length.EqualTo(600_004), "whole");
            Assert.That(first.GetProperty("failures").GetInt32(), Is.Zero);
            Assert.That(first.GetProperty("stale").GetBoolean(), Is.False);
        });

        var before = first.GetProperty("last_success_at").GetDateTimeOffset();
        await DueAsync("breaks");
        var unchanged = await FeedAsync("breaks", feed => feed.GetProperty("last_success_at").GetDateTimeOffset() > before);
        Assert.Multiple(() =>
        {
            Assert.That(publisher.RequestsFor("/breaks")[^1].Status, Is.EqualTo(304));
            Assert.That(unchanged.GetProperty("import_id").GetGuid(), Is.EqualTo(first.GetProperty("import_id").GetGuid()), "nothing was imported");
            Assert.That(unchanged.GetProperty("next_at").GetDateTimeOffset(), Is.GreaterThan(unchanged.GetProperty("last_success_at").GetDateTimeOffset()));
        });

        publisher.Publish("/breaks", Osv("PYSEC-3000-1", "Low"));
        await DueAsync("breaks");
        await Eventually.BecomesTrueAsync(async () => await ScalarAsync<string>("select description from vulnerabilities where id = 'PYSEC-3000-1'") == "Low", "the newer file is imported", 30);
    }

    [Test]
    public async Task A_file_that_its_checksum_speaks_of_is_imported_and_another_is_not()
    {
        await SucceededAsync("sum");
        var bad = await FeedAsync("badsum", feed => feed.GetProperty("failures").GetInt32() > 0);
        Assert.That(bad.GetProperty("error").GetString(), Does.Contain("checksum"));
        Assert.That(await ScalarAsync<long>("select count(*) from advisories where id = 'PYSEC-3000-4'"), Is.Zero);
    }

    [TestCase("gone", "404")]
    [TestCase("large", "larger than 1000000 bytes")]
    [TestCase("nothing", "zip of OSV records")]
    [TestCase("dead", "broke off")]
    public async Task A_feed_that_fails_says_why_and_is_tried_again_later(string name, string reason)
    {
        var feed = await FeedAsync(name, one => one.GetProperty("failures").GetInt32() > 0);
        Assert.Multiple(() =>
        {
            Assert.That(feed.GetProperty("error").GetString(), Does.Contain(reason));
            Assert.That(feed.GetProperty("last_success_at").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(feed.GetProperty("next_at").GetDateTimeOffset(), Is.GreaterThan(feed.GetProperty("last_attempt_at").GetDateTimeOffset().AddSeconds(30)));
        });
    }

    [Test]
    public async Task Of_two_instances_one_fetches_and_the_import_is_audited_as_the_platforms_own()
    {
        var feed = await SucceededAsync("slow");
        Assert.That(publisher.RequestsFor("/slow"), Has.Length.EqualTo(1));
        var import = feed.GetProperty("import_id").GetString();
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(events.Heard<AuditEventOccurred>().Any(e => e.ActionKey == "advisories_imported" && e.Target.Id == import && e.Actor.Type == "system")), "the audit event");
        Assert.That(await ScalarAsync<long>("select count(*) from imports where status = 'running'"), Is.Zero, "a file that was refused leaves no import behind");
    }

    [Test]
    public async Task A_feed_that_is_not_current_for_two_days_is_seen_in_health()
    {
        await FeedAsync("gone", one => one.GetProperty("failures").GetInt32() > 0);
        await ExecuteAsync("update feeds set created_at = created_at - interval '47 hours 50 minutes' where name = 'gone'");
        Assert.That((await FeedAsync("gone", _ => true)).GetProperty("stale").GetBoolean(), Is.False);
        await ExecuteAsync("update feeds set created_at = created_at - interval '10 minutes' where name = 'gone'");
        Assert.That((await FeedAsync("gone", _ => true)).GetProperty("stale").GetBoolean(), Is.True);
        using var client = scanner.As(null);
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
                var said = await ready.Content.ReadAsStringAsync();
                return ready.StatusCode == HttpStatusCode.OK && said.Contains("degraded", StringComparison.OrdinalIgnoreCase) && said.Contains("gone", StringComparison.Ordinal);
            }, "health is degraded and names the feed, and the service still works");
        await ExecuteAsync("update feeds set created_at = now() where name = 'gone'");
    }

    [Test]
    public async Task Without_being_switched_on_no_feed_is_fetched()
    {
        await using var own = await TestDatabase.CreateAsync();
        await using var quiet = await ServiceFixture<ScannerOptions>.StartAsync("scanner", own, Settings(null, null));
        using var client = quiet.As(operatorOfPlatform);
        var feeds = (await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/feeds", UriKind.Relative))).GetProperty("items").EnumerateArray().ToArray();
        Assert.That(feeds.Select(feed => feed.GetProperty("name").GetString()), Does.Contain("pypi").And.Contain("kev").And.Contain("epss"));
        Assert.That(feeds.Where(feed => feed.GetProperty("enabled").GetBoolean() || feed.GetProperty("next_at").ValueKind != JsonValueKind.Null), Is.Empty);
    }

    [Test]
    public async Task Only_operators_see_the_feeds()
    {
        foreach (var (caller, status) in new[] { (TestCaller.Of(TestCaller.NewOrganization(), "ada@example.org"), HttpStatusCode.Forbidden), (null, HttpStatusCode.Unauthorized) })
        {
            using var client = scanner.As(caller);
            using var response = await client.GetAsync(new Uri("/api/v1/advisories/feeds", UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(status));
        }
    }

    private Task<ServiceFixture<ScannerOptions>> StartScannerAsync(string? messagingPrefix) =>
        ServiceFixture<ScannerOptions>.StartAsync("scanner", database, Settings(messagingPrefix, publisher.Address));

    private static Dictionary<string, string?> Settings(string? messagingPrefix, string? address)
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["services:ingest:grpc:0"] = "http://127.0.0.1:9",
            ["Scanner:PollSeconds"] = "1",
            ["Scanner:MaxImportBytes"] = "1000000",
        };
        if (messagingPrefix is not null)
        {
            settings["Messaging:Prefix"] = messagingPrefix;
        }

        if (address is null)
        {
            return settings;
        }

        settings["Feeds:Enabled"] = "true";
        settings["Feeds:MaxResumes"] = "2";
        settings["Feeds:RetryMinutes"] = "1";
        foreach (var official in new[] { "bioconductor", "cran", "epss", "kev", "nvd-modified", "pypi" })
        {
            settings[$"Feeds:Sources:{official}:Url"] = "";
        }

        foreach (var name in new[] { "breaks", "large", "sum", "badsum", "nothing", "slow", "gone", "dead" })
        {
            settings[$"Feeds:Sources:{name}:Url"] = name == "dead" ? "http://127.0.0.1:9/" : $"{address}/{name}";
            settings[$"Feeds:Sources:{name}:Format"] = "osv";
        }

        settings["Feeds:Sources:sum:ChecksumUrl"] = $"{address}/sum.meta";
        settings["Feeds:Sources:badsum:ChecksumUrl"] = $"{address}/badsum.meta";
        return settings;
    }

    private Task<JsonElement> SucceededAsync(string name) => FeedAsync(name, feed => feed.GetProperty("last_success_at").ValueKind != JsonValueKind.Null);

    private async Task<JsonElement> FeedAsync(string name, Func<JsonElement, bool> until)
    {
        using var client = scanner.As(operatorOfPlatform);
        return (JsonElement)await Eventually.GetAsync(
            async () =>
            {
                var feeds = await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/feeds", UriKind.Relative));
                var feed = feeds.GetProperty("items").EnumerateArray().Single(one => one.GetProperty("name").GetString() == name);
                return until(feed) ? feed : (object?)null;
            }, $"feed {name}", 60);
    }

    private Task DueAsync(string name) => ExecuteAsync("update feeds set due_at = now() where name = @name", new { name });

    private async Task ExecuteAsync(string sql, object? parameters = null)
    {
        await using var connection = await db.OpenConnectionAsync();
        await connection.ExecuteAsync(sql, parameters);
    }

    private async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var connection = await db.OpenConnectionAsync();
        return await connection.ExecuteScalarAsync<T>(sql);
    }

    private static byte[] Osv(string id, string details, int padding = 0) => JsonSerializer.SerializeToUtf8Bytes(new JsonArray(new JsonObject
    {
        ["id"] = id,
        ["modified"] = "2026-01-02T03:04:05Z",
        ["details"] = details + new string('x', padding),
        ["affected"] = new JsonArray(new JsonObject { ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = "feedlib" }, ["versions"] = new JsonArray("1.0") }),
    }));

    private static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }
}
