using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Testing;

using Grpc.Net.Client;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Feeds that no genuine source would publish: an import uses what it can, lists the rest, and the API keeps answering.</summary>
public sealed class MutatedImportTests : ScannerFixture
{
    private const int Many = 10_000;
    private const int Shown = 100;
    private MachineId _machine;

    protected override async Task PrepareAsync() => _machine = await RegisterMachineAsync(Bob);

    [Test]
    public async Task A_broken_record_is_counted_and_named_and_does_not_stop_the_rest()
    {
        var whole = Record("PYSEC-2026-1", "brokenlib", null, "2.0", ["CVE-2026-1001"], High).ToJsonString();
        var broken = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PYSEC-2026-2"] = whole.Replace("\"modified\":", "\"changed\":", StringComparison.Ordinal),
            ["PYSEC-2026-3"] = whole.Replace("\"2026-01-02T03:04:05Z\"", "\"2026-02-30T03:04:05Z\"", StringComparison.Ordinal),
            ["PYSEC-2026-4"] = whole.Replace("\"ECOSYSTEM\"", "5", StringComparison.Ordinal),
            ["PYSEC-2026-5"] = whole.Replace("\"introduced\":", "\"introduc\\ud800\":", StringComparison.Ordinal),
            ["PYSEC-2026-6"] = whole.Replace("\"CVE-2026-1001\"", $"\"{new string('A', 5_000)}\"", StringComparison.Ordinal),
            ["PYSEC-2026-7"] = whole.Replace("\"2.0\"", $"\"1.{new string('1', 5_000)}\"", StringComparison.Ordinal),
            ["PYSEC-2026-8"] = whole.Replace("\"details\":", "\"details\":[]," + "\"x\":", StringComparison.Ordinal),
        };
        var lines = broken.Select(pair => pair.Value.Replace("PYSEC-2026-1", pair.Key, StringComparison.Ordinal)).Prepend(whole)
            .Append("{\"id\":\"\"}").Append($"{{\"id\":\"PYSEC-2026-9\",\"x\":{new string('[', 200)}{new string(']', 200)}}}")
            .Append(Record("PYSEC-2026-10", "brokenlib", null, "3.0", ["CVE-2026-1010"], High).ToJsonString());
        var import = await ImportAsync(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        Assert.That((import.GetProperty("added").GetInt32(), import.GetProperty("rejected").GetInt32()), Is.EqualTo((2, broken.Count + 2)));
        using var client = Scanner.As(Operator);
        using var rejections = await client.GetAsync(
            new Uri($"/api/v1/advisories/imports/{import.GetProperty("id").GetGuid()}/rejections?limit=1000", UriKind.Relative));
        var named = (await OkAsync(rejections)).GetProperty("items").EnumerateArray()
            .Select(item => item.GetProperty("record").GetString()).OfType<string>();
        Assert.That(named, Is.SupersetOf(broken.Keys));
        var id = await LogAsync(Bob, _machine, "/opt/broken", PyPi("brokenlib", "1.0"));
        await ScannedAsync(id);
        Assert.That(await IdsAsync(id), Is.EqualTo(new[] { "CVE-2026-1001", "CVE-2026-1010" }));
    }

    [Test]
    public async Task Ten_thousand_records_that_are_aliases_of_each_other_are_one_vulnerability_that_is_answered_in_short()
    {
        var ring = Enumerable.Range(0, Many)
            .Select(i => Record($"PYSEC-2025-{i}", "ringlib", null, "2.0", [$"PYSEC-2025-{(i + 1) % Many}"], High)).ToArray();
        ring[7]["aliases"]!.AsArray().Add("CVE-2025-7777");
        await ImportAsync(File(ring));
        var id = await LogAsync(Bob, _machine, "/opt/ring", PyPi("ringlib", "1.0"));
        var set = await ScannedAsync(id);
        Assert.That(await ScalarAsync<int>(Db, "select total from set_counts where set_id = @set", new { set }), Is.EqualTo(1));
        foreach (var path in new[] { $"environments/{id}/vulnerabilities", "vulnerabilities?package=ringlib" })
        {
            var item = (await GetAsync(Bob, path)).GetProperty("items").EnumerateArray().Single();
            Assert.That(item.GetProperty("id").GetString(), Is.EqualTo("CVE-2025-7777"));
            Assert.That(item.GetRawText(), Has.Length.LessThan(100_000), path);
        }

        foreach (var name in new[] { "PYSEC-2025-0", "pysec-2025-9999", "CVE-2025-7777" })
        {
            var one = await GetAsync(Bob, $"vulnerabilities/{name}");
            Assert.That(one.GetProperty("id").GetString(), Is.EqualTo("CVE-2025-7777"), "It is found by all of its ids.");
            Assert.That(
                (one.GetProperty("aliases").GetArrayLength(), one.GetProperty("advisories").GetArrayLength()), Is.EqualTo((Shown, Shown)));
        }

        // Two are withdrawn but remain as ids that their neighbours name, and then they come back.
        static JsonObject Withdrawn(JsonObject record) =>
            new(record.DeepClone().AsObject().Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())))
            {
                ["withdrawn"] = "2026-01-02T00:00:00Z"
            };
        var gone = await ImportAsync(File(Withdrawn(ring[7]), Withdrawn(ring[8])));
        Assert.That(gone.GetProperty("withdrawn").GetInt32(), Is.EqualTo(2));
        Assert.That(await IdsAsync(id), Is.EqualTo(new[] { "PYSEC-2025-0" }), "The CVE was named by one that is withdrawn.");
        await ImportAsync(File(ring[7], ring[8]));
        Assert.That(await IdsAsync(id), Is.EqualTo(new[] { "CVE-2025-7777" }));
    }

    [Test]
    public async Task A_record_of_a_hundred_thousand_ranges_and_versions_is_matched_and_shown_with_few()
    {
        const int huge = 100_000;
        var record = Record("PYSEC-2025-90001", "hugelib", null, null, null, High);
        var affected = record["affected"]![0]!;
        affected["versions"] = new JsonArray([.. Enumerable.Range(huge, huge).Select(i => (JsonNode)$"{i}.5")]);
        affected["ranges"] = new JsonArray([.. Enumerable.Range(1, huge).Select(i => new JsonObject
        {
            ["type"] = "ECOSYSTEM",
            ["events"] = new JsonArray(new JsonObject { ["introduced"] = "0" }, new JsonObject { ["fixed"] = $"{i}" }),
        })]);
        record["details"] = new string('d', 200_000);
        await ImportAsync(File(record));
        var id = await LogAsync(Bob, _machine, "/opt/huge", PyPi("hugelib", "0.5"), Conda("hugelib", "150000.5"));
        await ScannedAsync(id);
        var page = await GetAsync(Bob, $"environments/{id}/vulnerabilities");
        Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(1));
        Assert.That(page.GetRawText(), Has.Length.LessThan(200_000));
        var fixedIn = page.GetProperty("items")[0].GetProperty("fixed_in").EnumerateArray().Select(item => item.GetString()).ToArray();
        Assert.That(fixedIn, Has.Length.LessThanOrEqualTo(Shown + 1).And.Contains($"{huge}"), "the version that fixes all is among them");
    }

    [Test]
    public async Task Absurd_dates_and_ids_can_be_stored_sorted_and_asked_for()
    {
        string[] ids = ["A/1?x=y#z%20&\"'<b>\\", "\u202eodd\ud83d\ude00", "it's", "--;drop", "..", "PYSEC-2025-1 "];
        string[] dates =
        [
            "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59Z", "2024-02-29T12:00:00+14:00", "2024-02-29",
            "2024-01-01T00:00:00"
        ];
        var records = ids.Zip(dates, (odd, date) =>
        {
            var record = Record(odd, "oddlib", null, null, null, High);
            (record["modified"], record["published"]) = (date, date);
            return record;
        }).ToArray();
        var import = await ImportAsync(File([.. records, .. records]));
        Assert.That((import.GetProperty("added").GetInt32(), import.GetProperty("rejected").GetInt32()), Is.EqualTo((ids.Length, 0)),
            "Of two records with the same id one counts.");
        var id = await LogAsync(Bob, _machine, "/opt/odd", PyPi("oddlib", "1.0"));
        await ScannedAsync(id);
        foreach (var sort in new[] { "published_at", "-published_at", "cvss" })
        {
            var items = await GetAllAsync(Bob, $"environments/{id}/vulnerabilities?sort={sort}", 1);
            Assert.That(items.Select(item => item.GetProperty("id").GetString()), Is.EquivalentTo(ids), sort);
        }

        foreach (var odd in ids.Where(odd => odd is not ".." && !odd.Contains('/', StringComparison.Ordinal)))
        {
            Assert.That(
                (await GetAsync(Bob, "vulnerabilities/" + Uri.EscapeDataString(odd))).GetProperty("id").GetString(), Is.EqualTo(odd), odd);
        }
    }

    [Test]
    public async Task Severity_none_is_a_severity_that_can_be_asked_for_and_is_in_every_total()
    {
        const string none = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N";
        await ImportAsync(File(
            Record("PYSEC-2025-91001", "nonelib", null, null, null, none), Record("PYSEC-2025-91002", "nonelib", null, null, null, null),
            Record("PYSEC-2025-91003", "nonelib", null, null, null, High)));
        var id = await LogAsync(Bob, _machine, "/opt/none", PyPi("nonelib", "1.0"));
        var other = await LogAsync(Bob, _machine, "/opt/without", PyPi("brokenlib", "99.0"));
        var set = await ScannedAsync(id);
        await ScannedAsync(other);
        foreach (var (filter,
            expected) in new[] { ("none", "PYSEC-2025-91001"), ("unknown", "PYSEC-2025-91002"), ("high", "PYSEC-2025-91003") })
        {
            foreach (var path in new[] { $"environments/{id}/vulnerabilities", "vulnerabilities" })
            {
                var page = await GetAsync(Bob, $"{path}?package=nonelib&severity={filter}");
                Assert.That(page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()),
                    Is.EqualTo(new[] { expected }), path);
                Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(1));
            }
        }

        var item = (await GetAsync(Bob, "vulnerabilities/PYSEC-2025-91001"));
        Assert.That((item.GetProperty("severity").GetString(), item.GetProperty("cvss").GetDecimal()), Is.EqualTo(("none", 0m)));
        Assert.That((await GetAsync(Bob, "vulnerabilities/PYSEC-2025-91002")).GetProperty("cvss").ValueKind, Is.EqualTo(JsonValueKind.Null),
            "No score is not a score of zero.");
        var counts = await ScalarAsync<string>(
            Db, "select concat_ws(' ', total, critical, high, medium, low, unknown) from set_counts where set_id = @set", new { set });
        Assert.That(counts, Is.EqualTo("3 0 1 0 0 1"));
        using var channel = GrpcChannel.ForAddress(Scanner.GrpcAddress);
        var package = await PackageAsync(channel, set);
        Assert.That((package.Total, package.High, package.Unknown), Is.EqualTo((3, 1, 1)));

        // The environments list of Ingest, once the events have arrived.
        using var ingest = Ingest.As(Bob);
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var response = await ingest.GetAsync(
                    new Uri($"/api/v1/orgs/{Organization.Slug}/environments?severity=none", UriKind.Relative));
                return (await OkAsync(response)).GetProperty("items").EnumerateArray().Select(one => one.GetProperty("id").GetGuid())
                    .SequenceEqual([id.Value]);
            }, "the list shows the environment with a vulnerability of severity none, and no other");
    }

    private async Task<PackageFindings> PackageAsync(GrpcChannel channel, long set)
    {
        var headers = new Grpc.Core.Metadata
        {
            {
                ServiceDefaults.Callers.Assertion.Header,
                ServiceDefaults.Callers.Assertion.OfService("ingest", TimeProvider.System.GetUtcNow())
                    .Sign(ServiceFixture<ScannerOptions>.KeyOf("ingest"))
            },
        };
        using var call = new Findings.FindingsClient(channel)
            .GetPackageFindings(new() { OrganizationId = Organization.Id.ToString(), PackageSetId = set }, headers);
        Assert.That(await call.ResponseStream.MoveNext(CancellationToken.None), Is.True);
        return call.ResponseStream.Current.Packages.Single();
    }

    private async Task<string?[]> IdsAsync(EnvironmentId id) =>
        [
            .. (await GetAsync(Bob, $"environments/{id}/vulnerabilities")).GetProperty("items").EnumerateArray()
                .Select(item => item.GetProperty("id").GetString()).Order(StringComparer.Ordinal)
        ];
}
