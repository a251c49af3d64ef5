using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>
/// Downloads that are interrupted by the death of the process or of its connection, and checks that an operator requests.
/// </summary>
public sealed class FeedResumeTests : FeedFixture
{
    private const int Size = 2_000_000;
    private static readonly string[] Names = ["held", "changed"];

    [Test]
    public async Task What_a_process_had_fetched_when_it_was_killed_is_not_fetched_again_and_a_file_that_changed_is_fetched_anew()
    {
        Publisher.Publish("/held", Osv("PYSEC-3100-1", "Whole", Size), holdAfter: 1_500_000);
        Publisher.Publish("/changed", Osv("PYSEC-3100-2", "Old", Size), holdAfter: 1_500_000);
        JsonElement left;
        using var victim = await ScannerProcess.StartAsync(Database, Settings("test" + Guid.CreateVersion7().ToString("N")[^12..], Names));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Names.All(name => Publisher.RequestsFor("/" + name).Length == 1)), "both are being fetched", 60);
        // It polls for work once, while another process has it, and not again.
        var idle = Settings(null, Names);
        idle["Scanner:PollSeconds"] = "600";
        await using (var witness = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, idle))
        {
            foreach (var name in Names)
            {
                var half = await FeedAsync(witness, name, feed => Bytes(feed, "bytes_fetched") >= 1_250_000);
                Assert.Multiple(() =>
                {
                    Assert.That(half.GetProperty("state").GetString(), Is.EqualTo("fetching"));
                    Assert.That(Bytes(half, "bytes_fetched"), Is.LessThanOrEqualTo(1_500_000));
                    Assert.That(Bytes(half, "bytes_total"), Is.GreaterThan(Size));
                });
            }

            victim.Kill();
            left = await FeedAsync(witness, "held", feed => feed.GetProperty("state").GetString() != "fetching");
            Assert.That((left.GetProperty("state").GetString(), Bytes(left, "bytes_fetched") >= 1_250_000), Is.EqualTo(("due", true)),
                "the received part is kept, and the feed is due");
        }

        Publisher.Publish("/changed", Osv("PYSEC-3100-2", "New", Size + 7));
        await using var heir = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, Settings(null, Names));
        foreach (var name in Names)
        {
            var done = await SucceededAsync(heir, name);
            Assert.That(done.GetProperty("bytes_fetched").ValueKind, Is.EqualTo(JsonValueKind.Null), name);
        }

        var (held, changed) = (Publisher.RequestsFor("/held"), Publisher.RequestsFor("/changed"));
        Assert.Multiple(async () =>
        {
            Assert.That(held.Select(asked => asked.Status), Is.EqualTo(new[] { 200, 206 }));
            Assert.That(held[1].Range, Is.EqualTo($"bytes={Bytes(left, "bytes_fetched")}-"));
            Assert.That(changed.Select(asked => asked.Status), Is.EqualTo(new[] { 200, 200 }), "requested the rest, got another file");
            Assert.That(changed[1].IfRange, Is.Not.Empty);
            Assert.That(
                await ScalarAsync<string>("select convert_from(raw, 'UTF8')::json ->> 'details' from advisories where id = 'PYSEC-3100-1'"),
                Does.StartWith("Whole").And.Length.EqualTo(Size + 5));
            Assert.That(
                await ScalarAsync<string>("select convert_from(raw, 'UTF8')::json ->> 'details' from advisories where id = 'PYSEC-3100-2'"),
                Does.StartWith("New").And.Length.EqualTo(Size + 10));
            Assert.That(await ScalarAsync<long>("select count(*) from feed_parts"), Is.Zero, "nothing stays behind");
        });
    }

    [Test]
    public async Task A_process_that_loses_its_connection_is_taken_over_from_and_writes_nothing_more()
    {
        Publisher.Publish("/taken", Osv("PYSEC-3100-3", "Once", Size), holdAfter: 1_000_000);
        await using var first = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, Settings(null, ["taken"]));
        await FeedAsync(first, "taken", feed => Bytes(feed, "bytes_fetched") >= 700_000);
        var before = await ScalarAsync<Guid>("select fetch_id from feeds where name = 'taken'");
        await ExecuteAsync(
            """
            select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and objsubid = 1 and (classid::bigint << 32) | objid::bigint = hashtextextended('feed taken', 0)
            """);

        await SucceededAsync(first, "taken");
        Publisher.Release("/taken");
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Publisher.RequestsFor("/taken").Length >= 2), "the rest was asked for by another");
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
        Assert.Multiple(async () =>
        {
            Assert.That(Publisher.RequestsFor("/taken").Select(asked => asked.Status), Is.EqualTo(new[] { 200, 206 }));
            Assert.That(
                await ScalarAsync<long>(
                    "select count(*) from imports i join feeds f on f.import_id = i.id where f.name = 'taken' and i.status = 'completed'"),
                Is.EqualTo(1));
            Assert.That(await ScalarAsync<long>(
                "select count(*) from imports i where created_at >= (select created_at from feeds where name = 'taken') and bytes > @Size",
                new { Size }), Is.EqualTo(1), "one import");
            Assert.That(await ScalarAsync<Guid?>("select fetch_id from feeds where name = 'taken'"), Is.Not.EqualTo(before));
            Assert.That(await ScalarAsync<long>("select count(*) from feed_parts where feed = 'taken'"), Is.Zero);
        });
    }

    [Test]
    public async Task An_operator_asks_for_a_look_at_one_feed_or_at_all()
    {
        Publisher.Publish("/asked", Osv("PYSEC-3100-4", "First"));
        await using var scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, Settings(null, ["asked"]));
        await SucceededAsync(scanner, "asked");
        using var client = scanner.As(Operator);
        foreach (var (path, description) in new[] { ("asked/sync", "Second"), ("sync", "Third") })
        {
            Publisher.Publish("/asked", Osv("PYSEC-3100-4", description));
            using var response = await client.PostAsync(new Uri($"/api/v1/advisories/feeds/{path}", UriKind.Relative), null);
            var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Accepted), answer.ToString());
            var asked = path == "sync" ? answer.GetProperty("items")[0] : answer;
            var done = await FeedAsync(
                scanner, "asked", feed => feed.GetProperty("state").GetString() == "waiting"
                    && feed.GetProperty("last_attempt_at").GetDateTimeOffset() > asked.GetProperty("requested_at").GetDateTimeOffset());
            Assert.That(done.GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(
                await ScalarAsync<string>("select description from vulnerabilities where id = 'PYSEC-3100-4'"), Is.EqualTo(description));
        }

        using var unknown = await client.PostAsync(new Uri("/api/v1/advisories/feeds/nonsense/sync", UriKind.Relative), null);
        Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task What_is_asked_for_while_a_feed_is_fetched_is_looked_at_after_that()
    {
        Publisher.Publish("/again", Osv("PYSEC-3100-5", "Old", Size), holdAfter: 1_000_000);
        await using var scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, Settings(null, ["again"]));
        await FeedAsync(scanner, "again", feed => Bytes(feed, "bytes_fetched") >= 700_000);
        using var client = scanner.As(Operator);
        using var response = await client.PostAsync(new Uri("/api/v1/advisories/feeds/again/sync", UriKind.Relative), null);
        var asked = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((response.StatusCode, asked.GetProperty("state").GetString()), Is.EqualTo((HttpStatusCode.Accepted, "fetching")));
        Publisher.Release("/again");
        await FeedAsync(
            scanner, "again", feed => feed.GetProperty("state").GetString() == "waiting"
                && feed.GetProperty("last_attempt_at").GetDateTimeOffset() > asked.GetProperty("requested_at").GetDateTimeOffset());
        Assert.That(Publisher.RequestsFor("/again").Select(one => one.Status), Is.EqualTo(new[] { 200, 304 }));
    }

    private static long Bytes(JsonElement feed, string name) =>
        feed.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : 0;
}
