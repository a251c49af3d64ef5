namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>Feeds and imports as an operator sees them.</summary>
public sealed class FeedsTests : CommandFixture
{
    private const string Feeds = "GET /advisories/feeds";
    private const string Current = """
        {"name": "pypi", "url": "https://x/all.zip", "format": "osv", "enabled": true, "state": "waiting", "last_success_at": "2026-11-21T10:00:00Z", "age_seconds": 300, "stale": false,
         "requested_at": "2026-11-21T09:59:00Z", "last_attempt_at": "2026-11-21T10:00:00Z", "next_at": "2026-11-21T16:00:00Z", "bytes_fetched": null, "bytes_total": null, "failures": 0,
         "error": null, "import_id": "i1"}
        """;

    [Test]
    public async Task Feeds_are_a_table_and_an_old_one_is_warned_of()
    {
        Platform.On(Feeds, 200, $$"""
            {"items": [{{Current}},
             {"name": "kev", "format": "kev", "enabled": true, "state": "waiting", "last_success_at": null, "age_seconds": null, "stale": true, "failures": 7, "error": "The server answered 503."},
             {"name": "epss", "format": "epss", "enabled": true, "state": "fetching", "last_success_at": "2026-11-18T10:00:00Z", "age_seconds": 259200, "stale": true,
              "bytes_fetched": 1500000, "bytes_total": 6000000, "failures": 0, "error": null}], "total_count": 3, "next_cursor": null}
            """);
        var ended = await Machine.RunAsync("advisories", "feeds");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Match(@"pypi +osv +2026-11-21 10:00 +5 min +waiting +2026-11-21 16:00"));
            Assert.That(ended.Out, Does.Match(@"kev +kev +never +never +waiting +not planned +The server answered 503\."));
            Assert.That(ended.Out, Does.Match(@"epss +epss +2026-11-18 10:00 +72 h +fetching, 1\.5 of 6\.0 MB"));
            Assert.That(ended.Error, Does.Contain("warning: kev is not known to be current for too long (never fetched).")
                .And.Contains("warning: epss is not known to be current for too long (72 h)."));
            Assert.That(ended.Error, Does.Not.Contain("pypi"));
        });

        var json = await Machine.RunAsync("advisories", "feeds", "--json");
        Assert.That(json.Json()["items"]!.AsArray(), Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_sync_is_followed_until_each_feed_was_looked_at_after_it_was_asked_for()
    {
        const string asked =
            """{"name": "pypi", "state": "due", "requested_at": "2026-11-21T09:59:00Z", "last_attempt_at": "2026-11-21T04:00:00Z", "failures": 0}""";
        Platform.On("POST /advisories/feeds/pypi/sync", 202, asked)
            .On(Feeds, 200, $$"""{"items": [{{asked}}]}""")
            .On(Feeds, 200,
                """{"items": [{"name": "pypi", "state": "fetching", "last_attempt_at": "2026-11-21T04:00:00Z", "bytes_fetched": 500000, "bytes_total": 2000000}]}""")
            .On(Feeds, 200,
                """{"items": [{"name": "pypi", "state": "importing", "last_attempt_at": "2026-11-21T10:00:00Z", "import_id": "i1"}]}""")
            .On(Feeds, 200, $$"""{"items": [{{Current}}, {"name": "kev", "state": "waiting", "error": "not asked for"}]}""")
            .On("GET /advisories/imports/i1", 200,
                """{"id": "i1", "status": "running", "phase": "matching", "packages_matched": 5, "packages_total": 10}""");
        var ended = await Machine.RunAsync("advisories", "sync", "pypi", "--wait");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Error, Does.Contain("0 of 1 feeds done; pypi: fetching 0.5 of 2.0 MB (25 %)")
                .And.Contains("pypi: matching 5 of 10 packages (50 %)"));
            Assert.That(ended.Out, Does.Match("pypi +osv").And.Contains("1 feeds.").And.Not.Contains("kev"));
            Assert.That(Platform.To("POST /advisories/feeds/pypi/sync").Single().Headers, Does.ContainKey("Idempotency-Key"));
        });
    }

    [Test]
    public async Task A_sync_of_all_that_fails_somewhere_ends_with_2()
    {
        Platform.On("POST /advisories/feeds/sync", 202,
            $$"""{"items": [{{Current}}, {"name": "kev", "state": "due", "requested_at": "2026-11-21T09:59:00Z"}]}""")
            .On(Feeds, 200,
                $$"""{"items": [{{Current}}, {"name": "kev", "state": "waiting", "requested_at": "2026-11-21T09:59:00Z", "last_attempt_at": "2026-11-21T10:00:00Z", "error": "The server answered 404."}]}""");
        Assert.That((await Machine.RunAsync("advisories", "sync")).ExitCode, Is.Zero, "nobody waits");
        var ended = await Machine.RunAsync("advisories", "sync", "--wait");
        Assert.That((ended.ExitCode, ended.Out.Contains("The server answered 404.", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Where_feeds_are_off_a_sync_says_so()
    {
        Platform.On("POST /advisories/feeds/sync", 409,
            """{"type": "urn:envplatform:problem:feeds_off", "title": "Feeds are off.", "status": 409, "detail": "This platform fetches no feeds."}""");
        var ended = await Machine.RunAsync("advisories", "sync");
        Assert.That(
            (ended.ExitCode, ended.Error.Contains("This platform fetches no feeds", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Ecosystems_are_listed_with_what_is_not_known_of_them()
    {
        Platform.On("GET /advisories/ecosystems", 200, """
            {"items": [{"ecosystem": "CRAN", "basis": null, "records": null, "since": "2026-01-02T03:04:05Z", "confirmed_at": null},
             {"ecosystem": "NVD:2023", "basis": "stated", "records": 30000, "since": "2026-11-20T10:00:00Z", "confirmed_at": "2026-11-20T10:00:00Z"},
             {"ecosystem": "NVD:2024", "basis": "stated", "records": 40000, "since": "2026-11-20T10:00:00Z", "confirmed_at": "2026-11-20T10:00:00Z"},
             {"ecosystem": "PyPI", "basis": "feed", "records": 17000, "since": "2026-10-01T10:00:00Z", "confirmed_at": "2026-11-21T10:00:00Z"}],
             "total_count": 4, "next_cursor": null}
            """);
        var ended = await Machine.RunAsync("advisories", "ecosystems");
        var json = await Machine.RunAsync("advisories", "ecosystems", "--json");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Match("CRAN +yes +not known +not known +2026-01-02 03:04 +not known"));
            Assert.That(ended.Out, Does.Match("NVD:2023 +yes +stated by an operator +30000 +2026-11-20 10:00 +2026-11-20 10:00"));
            Assert.That(ended.Out, Does.Match("PyPI +yes +feed +17000 +2026-10-01 10:00 +2026-11-21 10:00"));
            Assert.That(ended.Out, Does.Match("Bioconductor +not known").And.Match("NVD +2 years of it"));
            Assert.That(ended.Error, Does.Contain("It is not known that all advisories of Bioconductor, NVD were imported"));
            Assert.That(json.Json()["items"]!.AsArray(), Has.Count.EqualTo(4));
        });
    }

    [Test]
    public async Task Imports_and_what_they_left_out_are_listed()
    {
        var id = Guid.CreateVersion7();
        Platform.On("GET /advisories/imports", 200, $$"""
            {"items": [{"id": "{{id}}", "format": "osv", "status": "running", "phase": "reading", "advisories": 70, "created_at": "2026-11-21T10:00:00Z"},
             {"id": "i0", "format": "kev", "status": "failed", "phase": "done", "error": "The catalogue has no vulnerabilities.", "created_at": "2026-11-20T10:00:00Z"}], "total_count": 40}
            """).On($"GET /advisories/imports/{id}/rejections", 200,
                """{"items": [{"number": 3, "record": "PYSEC-1", "file": null, "reason": "events are missing"}], "total_count": 1}""");
        var imports = await Machine.RunAsync("advisories", "imports", "--limit", "2");
        var rejections = await Machine.RunAsync("advisories", "rejections", id.ToString());
        Assert.Multiple(() =>
        {
            Assert.That(imports.Out, Does.Match($@"{id} +2026-11-21 10:00 +osv +Reading 70 records so far +70")
                .And.Contains("The catalogue has no vulnerabilities.").And.Contains("2 of 40 imports."));
            Assert.That(Platform.To("GET /advisories/imports").Single().Query, Is.EqualTo("?limit=2"));
            Assert.That(rejections.Out, Does.Match(@"3 +PYSEC-1 +rejected +events are missing").And.Contains("1 record."));
        });
    }
}
