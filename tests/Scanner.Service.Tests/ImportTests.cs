using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

public sealed class ImportTests : ScannerFixture
{
    private MachineId _machine;

    protected override async Task PrepareAsync() => _machine = await RegisterMachineAsync(Bob);

    [Test]
    public async Task An_advisory_that_names_more_aliases_later_is_still_one_vulnerability()
    {
        await ImportAsync(File(Record("GHSA-1111-2222-3333", "aliaslib", null, "2.0", null, High)));
        var id = await LogAsync(Bob, _machine, "/opt/alias", PyPi("aliaslib", "1.0"));
        var set = await ScannedAsync(id);
        Assert.That(await FindingsAsync(id), Is.EqualTo(new[] { "GHSA-1111-2222-3333" }));

        await ImportAsync(File(Record("PYSEC-2026-77", "aliaslib", null, "2.0", ["CVE-2026-7777", "GHSA-1111-2222-3333"])));
        Assert.Multiple(async () =>
        {
            Assert.That(await FindingsAsync(id), Is.EqualTo(new[] { "CVE-2026-7777" }));
            Assert.That(await ScalarAsync<int>(Db, "select total from set_counts where set_id = @set", new { set }), Is.EqualTo(1));
            Assert.That(await ScalarAsync<long>(Db, "select count(*) from vulnerabilities where id = 'GHSA-1111-2222-3333'"), Is.Zero);
        });
        foreach (var name in new[] { "CVE-2026-7777", "ghsa-1111-2222-3333", "pysec-2026-77" })
        {
            Assert.That((await GetAsync(Ada, $"vulnerabilities/{name}")).GetProperty("id").GetString(), Is.EqualTo("CVE-2026-7777"), name);
        }

        await ImportAsync(File(Record("PYSEC-2026-77", "aliaslib", null, "2.0", ["CVE-2026-7777"])));
        Assert.That(await FindingsAsync(id), Is.EquivalentTo(new[] { "CVE-2026-7777", "GHSA-1111-2222-3333" }),
            "two again once nothing connects them");
        Assert.That(await ScalarAsync<int>(Db, "select total from set_counts where set_id = @set", new { set }), Is.EqualTo(2));
    }

    [Test]
    public async Task A_withdrawn_advisory_is_no_finding_any_more_and_its_environments_are_told()
    {
        await ImportAsync(File(Record("PYSEC-2026-88", "withdrawnlib", null, null, ["CVE-2026-8888"], Critical)));
        var id = await LogAsync(Bob, _machine, "/opt/withdrawn", PyPi("withdrawnlib", "1.0"));
        await ScannedAsync(id);
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Told(id).Contains(1)), "one vulnerability");
        var import = await ImportAsync(
            File(Record("PYSEC-2026-88", "withdrawnlib", null, null, ["CVE-2026-8888"], Critical, withdrawn: true)));
        Assert.That((import.GetProperty("changed").GetInt32(), import.GetProperty("withdrawn").GetInt32()), Is.EqualTo((1, 1)));
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Told(id).Contains(0)), "no vulnerability");
        Assert.That(await FindingsAsync(id), Is.Empty);
        using var gone = await SendAsync(HttpMethod.Get, Ada, "vulnerabilities/CVE-2026-8888");
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task An_import_whose_connection_dies_is_done_again_and_takes_effect_once()
    {
        await using var holder = await Db.OpenConnectionAsync();
        await using var transaction = await holder.BeginTransactionAsync();
        // The shared lock that scans hold: the import has written to its transaction and waits.
        await holder.ExecuteAsync("select pg_advisory_xact_lock_shared(7308909470395493988)", transaction: transaction);
        var id = await SendImportAsync(Scanner, Operator, File(Record("PYSEC-2026-99", "crashlib", null, null, ["CVE-2026-9999"], High)));
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(Db,
                """
                select count(*) from pg_locks
                where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())
                """) == 1,
            "the import waits");
        Assert.That(await ScalarAsync<long>(Db, "select count(*) from advisories where id = 'PYSEC-2026-99'"), Is.Zero,
            "nothing of it can be seen");
        await ScalarAsync<bool>(Db,
            """
            select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())
            """);
        await transaction.RollbackAsync();
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.Multiple(async () =>
        {
            Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("completed"), import.ToString());
            Assert.That(import.GetProperty("added").GetInt32(), Is.EqualTo(1));
            Assert.That(await ScalarAsync<int>(Db, "select attempts from imports where id = @Value", id), Is.EqualTo(2));
            Assert.That(await ScalarAsync<long>(Db, "select count(*) from import_files where import_id = @Value", id), Is.Zero);
        });
        await Eventually.BecomesTrueAsync(() => Task.FromResult(AuditsOf(id).Length > 0), "the audit event");
        Assert.That(AuditsOf(id), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task An_import_that_never_ends_is_given_up()
    {
        var id = ImportId.New(TimeProvider.System.GetUtcNow());
        await ScalarAsync<int>(
            Db,
            """
            insert into imports (id, format, status, phase, attempts, bytes, requested_by, created_at)
            select @Value, 'osv', 'running', 'reading', 5, 0, requested_by, now() from imports limit 1;
            insert into import_files (import_id, part, data) values (@Value, 0, '[]'); notify imports;
            """, id);
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.Multiple(() =>
        {
            Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("failed"));
            Assert.That(import.GetProperty("error").GetString(), Does.Contain("given up"));
        });
    }

    [Test]
    public async Task Scans_during_an_import_leave_nothing_that_a_new_match_would_change()
    {
        var ids = new List<EnvironmentId>();
        var imports = new List<Task>();
        for (var round = 0; round < 6; round++)
        {
            var records = Enumerable.Range(0, 30).Select(i => Record($"PYSEC-2027-{i}", $"racelib-{i % 10}", null, $"{round + 2}.{i}",
                [$"CVE-2027-{10_000 + i}"], i % 2 == 0 ? High : Medium)).ToArray();
            imports.Add(ImportAsync(File(records)));
            for (var i = 0; i < 10; i++)
            {
                ids.Add(await LogAsync(Bob, _machine, $"/opt/race-{round}-{i}", PyPi($"racelib-{i}", $"{round}.5"),
                    PyPi($"racelib-{(i + 1) % 10}", $"{round}.{i}"), PyPi($"salt-{round}-{i}", "1")));
            }
        }

        await Task.WhenAll(imports);
        foreach (var id in ids)
        {
            await ScannedAsync(id);
        }

        var before = await FindingRowsAsync();
        var counts = await ScalarAsync<string>(
            Db, "select string_agg(concat_ws(' ', set_id, total, high, medium), ',' order by set_id) from set_counts");
        foreach (var id in ids)
        {
            using var response = await SendAsync(HttpMethod.Post, Bob, $"environments/{id}/scan");
            await OkAsync(response);
        }

        Assert.That(before, Is.Not.Empty);
        Assert.That(await FindingRowsAsync(), Is.EqualTo(before));
        Assert.That(await ScalarAsync<string>(
            Db, "select string_agg(concat_ws(' ', set_id, total, high, medium), ',' order by set_id) from set_counts"), Is.EqualTo(counts));
    }

    [Test]
    public async Task Exploited_and_predicted_vulnerabilities_are_marked_by_any_of_their_ids()
    {
        await ImportAsync(File(Record("PYSEC-2026-55", "kevlib", null, null, ["CVE-2026-5555"], High)));
        var id = await LogAsync(Bob, _machine, "/opt/kev", PyPi("kevlib", "1.0"));
        var set = await ScannedAsync(id);
        var kev = await ImportAsync(
            """{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-5555","dateAdded":"2026-02-03"},{"cveID":"nonsense","dateAdded":"x"}]}"""u8
                .ToArray(), "kev");
        await ImportAsync(
            "#model_version:v2026.01.01,score_date:2026-01-01\ncve,epss,percentile\nCVE-2026-5555,0.25,0.9\nnonsense\n"u8.ToArray(),
            "epss");
        var item = (await GetAsync(Bob, $"environments/{id}/vulnerabilities?kev=true")).GetProperty("items")[0];
        Assert.Multiple(async () =>
        {
            Assert.That((kev.GetProperty("added").GetInt32(), kev.GetProperty("rejected").GetInt32()), Is.EqualTo((1, 1)));
            Assert.That(item.GetProperty("kev").GetBoolean(), Is.True);
            Assert.That(item.GetProperty("epss").GetDecimal(), Is.EqualTo(0.25m));
            Assert.That(await ScalarAsync<int>(Db, "select kev from set_counts where set_id = @set", new { set }), Is.EqualTo(1));
        });
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<EnvironmentScanned>().SelectMany(e => e.Sets)
                .Any(e => e.Environments.Contains(id) && e.KnownExploited == 1)), "the environment was told");
        // The flag outlives a change of the advisory.
        await ImportAsync(File(Record("PYSEC-2026-55", "kevlib", null, "9.0", ["CVE-2026-5555"], Critical)));
        Assert.That(
            (await GetAsync(Bob, $"environments/{id}/vulnerabilities?kev=true")).GetProperty("total_count").GetInt64(), Is.EqualTo(1));
        await ImportAsync("""{"vulnerabilities":[{"cveID":"CVE-2000-0001","dateAdded":"2026-02-03"}]}"""u8.ToArray(), "kev");
        Assert.That(await ScalarAsync<int>(Db, "select kev from set_counts where set_id = @set", new { set }), Is.Zero,
            "what is no longer listed is no longer marked");
    }

    [Test]
    public async Task Real_catalogues_are_read()
    {
        var catalogue = await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "kev-2025-08-25.json"));
        var predictions = await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "epss-kev-2026-08-22.csv"));
        var kev = await ImportAsync(catalogue, "kev");
        var epss = await ImportAsync(predictions, "epss");
        Assert.Multiple(() =>
        {
            Assert.That(kev.GetProperty("advisories").GetInt32(),
                Is.EqualTo(JsonDocument.Parse(catalogue).RootElement.GetProperty("vulnerabilities").GetArrayLength()));
            Assert.That(epss.GetProperty("advisories").GetInt32(), Is.EqualTo(
                Encoding.UTF8.GetString(predictions).Split('\n').Count(line => line.StartsWith("CVE-", StringComparison.Ordinal))));
        });
    }

    [Test]
    public async Task A_file_that_is_sent_twice_under_one_key_is_imported_once()
    {
        var (key, ids) = (Guid.CreateVersion7().ToString(), new HashSet<Guid>());
        for (var attempt = 0; attempt < 2; attempt++)
        {
            using var client = Scanner.As(Operator);
            client.DefaultRequestHeaders.Add("Idempotency-Key", key);
            using var content = new ByteArrayContent(File(Record("PYSEC-2026-43", "oncelib", null, null)));
            using var response = await client.PostAsync(new Uri("/api/v1/advisories/imports?format=osv", UriKind.Relative), content);
            var answer = await response.Content.ReadAsStringAsync();
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Accepted), answer);
            ids.Add(JsonDocument.Parse(answer).RootElement.GetProperty("id").GetGuid());
        }

        Assert.That(ids, Has.Count.EqualTo(1));
        Assert.That((await EndedAsync(Scanner, Operator, new(ids.Single()))).GetProperty("added").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_file_that_unpacks_to_more_than_it_may_fails_whatever_its_format()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var small = await ServiceFixture<ScannerOptions>.StartAsync(
            "scanner", database, new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["services:ingest:grpc:0"] = "http://127.0.0.1:9",
                ["Scanner:MaxUnpackedBytes"] = "1000000",
            });
        var spaces = new string(' ', 2_000_000);
        foreach (var (format, content) in new[]
        {
            ("osv", "[" + spaces),
            ("nvd", "{\"vulnerabilities\": [" + spaces), ("kev", "{" + spaces), ("epss", "cve,epss,percentile\n" + spaces),
        })
        {
            var packed = Gzipped.Of(content);
            Assert.That(packed.Length, Is.LessThan(100_000));
            var import = await EndedAsync(small, Operator, await SendImportAsync(small, Operator, packed, format));
            Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("failed"), format);
            Assert.That(import.GetProperty("error").GetString(), Does.Contain("unpacks to more bytes than the limit"), format);
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_file_that_is_too_large_is_refused(bool hasKey)
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var small = await ServiceFixture<ScannerOptions>.StartAsync(
            "scanner", database, new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["services:ingest:grpc:0"] = "http://127.0.0.1:9",
                ["Scanner:MaxImportBytes"] = "100000",
            });
        using var client = small.As(Operator);
        if (hasKey)
        {
            client.DefaultRequestHeaders.Add("Idempotency-Key", "k");
        }

        foreach (var isChunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/api/v1/advisories/imports?format=osv", UriKind.Relative))
            {
                Content = new ByteArrayContent([.. "[]"u8, .. new byte[100_000]])
            };
            request.Headers.TransferEncodingChunked = isChunked;
            using var response = await client.SendAsync(request);
            var problem = await response.Content.ReadAsStringAsync();
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge), problem);
            Assert.That(problem, Does.Contain("too_large"));
        }
    }

    [TestCase("", "osv", "body")]
    [TestCase("   ", "osv", "body")]
    [TestCase("hello", "osv", "body")]
    [TestCase("[]", "kev", "body")]
    [TestCase("{}", "epss", "body")]
    [TestCase("{}", "", "format")]
    [TestCase("{}", "OSV", "format")]
    [TestCase("cve", "nvd", "body")]
    public async Task What_cannot_be_a_file_of_advisories_is_refused(string body, string format, string field)
    {
        using var client = Scanner.As(Operator);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        using var response = await client.PostAsync(new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(problem.GetProperty("errors").TryGetProperty(field, out _), Is.True, problem.ToString());
    }

    [TestCase("PK\u0003\u0004 not really", "osv")]
    [TestCase("{\"id\": 5}", "osv")]
    [TestCase("[", "osv")]
    [TestCase("{\"cve\": {\"id\": 5}}", "nvd")]
    [TestCase("{\"vulnerabilities\": []}", "nvd")]
    [TestCase("{\"vulnerabilities\": 5}", "kev")]
    [TestCase("cve,score\nCVE-2020-1234,1", "epss")]
    public async Task A_file_that_turns_out_to_be_broken_fails_and_changes_nothing(string body, string format)
    {
        var generation = await ScalarAsync<long>(Db, "select generation from advisory_state");
        var id = await SendImportAsync(Scanner, Operator, Encoding.UTF8.GetBytes(body), format);
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.Multiple(async () =>
        {
            Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("failed"));
            Assert.That(import.GetProperty("error").GetString(), Is.Not.Empty.And.Not.Contains("not expected"));
            Assert.That(await ScalarAsync<long>(Db, "select generation from advisory_state"), Is.EqualTo(generation));
        });
    }

    [Test]
    public async Task A_record_that_cannot_be_read_is_counted_and_named_and_the_others_are_taken()
    {
        var broken = Record("PYSEC-2026-66", "x", null, null);
        broken["modified"] = "yesterday";
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            await AddAsync(zip, "advisories/a.json", broken.ToJsonString());
            await AddAsync(zip, "advisories/b.json", Record("PYSEC-2026-67", "y", null, null).ToJsonString());
            await AddAsync(zip, "advisories/c.json", "{\"id\": \"half");
        }

        var import = await ImportAsync(file.ToArray());
        Assert.That((import.GetProperty("rejected").GetInt32(), import.GetProperty("added").GetInt32()), Is.EqualTo((2, 1)));
        var page = await RejectionsAsync(import.GetProperty("id").GetString()!);
        Assert.Multiple(() =>
        {
            Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(2));
            Assert.That(page.GetProperty("items").EnumerateArray().Select(Said), Is.EqualTo(new[]
            {
                "1 PYSEC-2026-66 advisories/a.json: modified is no time of RFC 3339",
                "2 - advisories/c.json: ends in the middle of an object",
            }));
        });
    }

    [Test]
    public async Task Of_very_many_broken_records_the_first_thousand_are_named_also_when_the_import_fails()
    {
        var records = Enumerable.Range(1, 1_005).Select(n => new JsonObject { ["id"] = n == 7 ? "a\0b" : $"BROKEN-{n}" }).ToArray();
        var id = await SendImportAsync(Scanner, Operator, File(records));
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.That((import.GetProperty("status").GetString(), import.GetProperty("rejected").GetInt32()), Is.EqualTo(("failed", 1_005)));

        var (numbers, query) = (new List<int>(), "?limit=300");
        while (query is not null)
        {
            var page = await RejectionsAsync($"{id}", query);
            Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(1_000));
            numbers.AddRange(page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("number").GetInt32()));
            query = page.GetProperty("next_cursor").GetString() is { } next ? "?limit=300&cursor=" + Uri.EscapeDataString(next) : null;
        }

        Assert.That(numbers, Is.EqualTo(Enumerable.Range(1, 1_000)));
        using var client = Scanner.As(Operator);
        using var unknown = await client.GetAsync(
            new Uri($"/api/v1/advisories/imports/{Guid.CreateVersion7()}/rejections", UriKind.Relative));
        using var member = Scanner.As(Ada);
        using var forbidden = await member.GetAsync(new Uri($"/api/v1/advisories/imports/{id}/rejections", UriKind.Relative));
        Assert.That((unknown.StatusCode, forbidden.StatusCode), Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.Forbidden)));
    }

    [Test]
    public async Task An_import_tells_how_far_it_has_come()
    {
        await ImportAsync(File(Record("PYSEC-2026-44", "progresslib", null, "2.0", ["CVE-2026-4444"], High)));
        var environment = await LogAsync(Bob, _machine, "/opt/progress", PyPi("progresslib", "1.0"));
        await ScannedAsync(environment);
        await using var holder = await Db.OpenConnectionAsync();
        await using var transaction = await holder.BeginTransactionAsync();
        // The shared lock that scans hold: the import has read its file and waits.
        await holder.ExecuteAsync("select pg_advisory_xact_lock_shared(7308909470395493988)", transaction: transaction);
        var id = await SendImportAsync(Scanner, Operator, File(
            Record("PYSEC-2026-44", "progresslib", null, "3.0", ["CVE-2026-4444"], Critical),
            Record("PYSEC-2026-45", "otherlib", null, null)));
        using var client = Scanner.As(Operator);
        await Eventually.BecomesTrueAsync(
            async () => await client.GetFromJsonAsync<JsonElement>(new Uri($"/api/v1/advisories/imports/{id}", UriKind.Relative)) is var now
                && now.GetProperty("phase").GetString() == "matching" && now.GetProperty("advisories").GetInt32() == 2,
            "the import matches");
        await transaction.RollbackAsync();
        var import = await EndedAsync(Scanner, Operator, id);
        Assert.Multiple(() =>
        {
            Assert.That(import.GetProperty("phase").GetString(), Is.EqualTo("done"));
            Assert.That(
                (import.GetProperty("packages_matched").GetInt32(), import.GetProperty("packages_total").GetInt32()), Is.EqualTo((1, 1)));
            Assert.That((import.GetProperty("sets_counted").GetInt32(), import.GetProperty("sets_total").GetInt32()), Is.EqualTo((1, 1)));
        });
    }

    [Test]
    public async Task Only_operators_import()
    {
        foreach (var (caller,
            status) in new[] { (Ada, HttpStatusCode.Forbidden), (Mallory, HttpStatusCode.Forbidden), (null, HttpStatusCode.Unauthorized) })
        {
            using var client = Scanner.As(caller);
            using var content = new ByteArrayContent(File(Record("PYSEC-0", "x", null, null)));
            using var response = await client.PostAsync(new Uri("/api/v1/advisories/imports?format=osv", UriKind.Relative), content);
            using var list = await client.GetAsync(new Uri("/api/v1/advisories/imports", UriKind.Relative));
            Assert.That((response.StatusCode, list.StatusCode), Is.EqualTo((status, status)));
        }
    }

    private async Task<JsonElement> RejectionsAsync(string import, string query = "")
    {
        using var client = Scanner.As(Operator);
        return await client.GetFromJsonAsync<JsonElement>(
            new Uri($"/api/v1/advisories/imports/{import}/rejections{query}", UriKind.Relative));
    }

    private static string Said(JsonElement rejection) =>
        $"{rejection.GetProperty("number")} {rejection.GetProperty("record").GetString() ?? "-"} "
        + $"{rejection.GetProperty("file").GetString() ?? "-"}: {rejection.GetProperty("reason").GetString()}";

    private static async Task AddAsync(ZipArchive zip, string name, string content)
    {
        await using var entry = await zip.CreateEntry(name).OpenAsync();
        await entry.WriteAsync(Encoding.UTF8.GetBytes(content));
    }

    private int[] Told(EnvironmentId id) => [.. Events.Heard<EnvironmentScanned>().SelectMany(e => e.Sets)
        .Where(e => e.Environments.Contains(id)).Select(e => e.Vulnerabilities.Total)];

    private AuditEventOccurred[] AuditsOf(ImportId id) =>
        [
            .. Events.Heard<AuditEventOccurred>().Where(e => e.ActionKey == "advisories_imported" && e.Target.Id == id.ToString())
                .DistinctBy(e => e.EventId)
        ];

    private async Task<string?[]> FindingsAsync(EnvironmentId id) =>
        [
            .. (await GetAsync(Bob, $"environments/{id}/vulnerabilities")).GetProperty("items").EnumerateArray()
                .Select(item => item.GetProperty("id").GetString())
        ];

    private async Task<string[]> FindingRowsAsync()
    {
        await using var connection = await Db.OpenConnectionAsync();
        return [.. await connection.QueryAsync<string>(
            """
            select package_id || ' ' || vulnerability_id || ' ' || array_to_string(advisories, ',') || ' ' || array_to_string(fixed_in, ',')
            from package_findings order by package_id, vulnerability_id
            """)];
    }
}
