using System.IO.Compression;
using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A feed as it was in October 2024, real environments, and then the feed of a later day.</summary>
public sealed class ImportFeedTests : ScannerFixture
{
    private const int EveryNth = 8;
    private readonly List<EnvironmentId> _environments = [];

    private static Dictionary<string, FeedRecord> Older => field ??= RecordsOf("pypa-osv-2024-10.zip");

    private static Dictionary<string, FeedRecord> Newer => field ??= RecordsOf("pypa-osv.zip");

    protected override async Task PrepareAsync()
    {
        var older = await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "pypa-osv-2024-10.zip")));
        Assert.Multiple(() =>
        {
            Assert.That(older.GetProperty("advisories").GetInt32(), Is.EqualTo(Older.Count));
            Assert.That(older.GetProperty("added").GetInt32(), Is.EqualTo(Older.Count));
            Assert.That(older.GetProperty("changed").GetInt32(), Is.Zero);
            Assert.That(older.GetProperty("withdrawn").GetInt32(), Is.EqualTo(Older.Values.Count(record => record.IsWithdrawn)));
            Assert.That(older.GetProperty("rejected").GetInt32(), Is.Zero);
        });
        var machine = await RegisterMachineAsync(Bob);
        var number = 0;
        foreach (var packages in RealEnvironments())
        {
            _environments.Add(await LogAsync(Bob, machine, $"/opt/real-{number++}", packages));
        }

        foreach (var id in _environments)
        {
            await ScannedAsync(id);
        }
    }

    [Test]
    public async Task A_newer_feed_changes_what_it_concerns_and_leaves_what_a_fresh_start_with_it_gives()
    {
        var before = await SnapshotAsync(Db);
        var generation = await ScalarAsync<long>(Db, "select generation from advisory_state");
        var heardBefore = Events.Heard<EnvironmentScanned>().Count;

        var newer = await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "pypa-osv.zip")));
        var after = await SnapshotAsync(Db);
        var rematched = await ScalarAsync<long>(Db, "select count(*) from packages where generation > @generation", new { generation });
        var all = await ScalarAsync<long>(Db, "select count(*) from packages");
        var recounted = await SetsAsync("select set_id from set_counts where generation > @generation", generation);
        Assert.Multiple(() =>
        {
            Assert.That(newer.GetProperty("added").GetInt32(), Is.EqualTo(Newer.Keys.Count(id => !Older.ContainsKey(id))));
            Assert.That(newer.GetProperty("changed").GetInt32(),
                Is.EqualTo(Newer.Count(pair => Older.TryGetValue(pair.Key, out var old) && old.Text != pair.Value.Text)));
            Assert.That(
                newer.GetProperty("withdrawn").GetInt32(),
                Is.EqualTo(Newer.Count(pair => pair.Value.IsWithdrawn && Older.GetValueOrDefault(pair.Key) is not { IsWithdrawn: true })));
            Assert.That(
                rematched, Is.GreaterThan(0).And.LessThan(all / 2), "packages of projects that no changed advisory names are left alone");
            Assert.That(after.Findings.Keys.Where(id => !after.Findings[id].SequenceEqual(before.Findings.GetValueOrDefault(id) ?? [])),
                Is.Not.Empty);
        });

        var changedSets = after.Sets.Where(pair => pair.Value != before.Sets[pair.Key]).Select(pair => pair.Key).ToHashSet();
        Assert.That(changedSets, Is.Not.Empty.And.SubsetOf(recounted));
        var expected = await IdsOfEnvironmentsAsync(changedSets);
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(ToldSince(heardBefore).Count >= expected.Count), "the environments concerned were told");
        Assert.That(ToldSince(heardBefore), Is.EquivalentTo(expected), "and no others");

        var fresh = await FreshStartAsync();
        Assert.Multiple(() =>
        {
            Assert.That(after.Vulnerabilities, Is.EqualTo(fresh.Vulnerabilities));
            Assert.That(after.Coverage, Is.EqualTo(fresh.Coverage));
            Assert.That(after.Sets, Is.EqualTo(fresh.Sets));
            Assert.That(after.Findings.Select(pair => (pair.Key, string.Join('|', pair.Value))),
                Is.EquivalentTo(fresh.Findings.Select(pair => (pair.Key, string.Join('|', pair.Value)))));
        });

        generation = await ScalarAsync<long>(Db, "select generation from advisory_state");
        var same = await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "pypa-osv.zip")));
        Assert.Multiple(async () =>
        {
            Assert.That(
                same.GetProperty("added").GetInt32() + same.GetProperty("changed").GetInt32() + same.GetProperty("withdrawn").GetInt32(),
                Is.Zero);
            Assert.That(await ScalarAsync<long>(Db, "select generation from advisory_state"), Is.EqualTo(generation),
                "an import without changes has no effect");
        });
    }

    /// <summary>The records of a feed, each with its text, read without the scanner.</summary>
    private static Dictionary<string, FeedRecord> RecordsOf(string file)
    {
        using var zip = ZipFile.OpenRead(TestData.File("advisories", file));
        var records = new Dictionary<string, FeedRecord>(StringComparer.Ordinal);
        foreach (var entry in zip.Entries.Where(entry => entry.Name.EndsWith(".json", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(entry.Open());
            var text = reader.ReadToEnd();
            using var json = JsonDocument.Parse(text);
            records.Add(json.RootElement.GetProperty("id").GetString()!, new(text, json.RootElement.TryGetProperty("withdrawn", out _)));
        }

        return records;
    }

    private HashSet<EnvironmentId> ToldSince(int heardBefore) =>
        [.. Events.Heard<EnvironmentScanned>().Skip(heardBefore).SelectMany(e => e.Sets).SelectMany(set => set.Environments)];

    private static IEnumerable<PackageEntry[]> RealEnvironments()
    {
        var number = 0;
        foreach (var line in System.IO.File.ReadLines(TestData.File("environments", "environments.jsonl")))
        {
            if (number++ % EveryNth != 0)
            {
                continue;
            }

            using var environment = JsonDocument.Parse(line);
            yield return [.. environment.RootElement.GetProperty("packages").EnumerateArray().Where(p => Text(p, "version") is not null)
                .Select(p => new PackageEntry(
                    Text(p, "manager") == "pip" ? "pypi" : "conda", Text(p, "name"), Text(p, "version"), Text(p, "build"),
                    Text(p, "subdir"), Text(p, "channel"), null, null, null))
                .DistinctBy(p => (p.Manager, p.Channel, p.Subdir, p.Name, p.Version, p.Build))];
        }

        static string? Text(JsonElement package, string property) =>
            package.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>Another scanner that has only ever known the newer feed scans the same environments.</summary>
    private async Task<Snapshot> FreshStartAsync()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var fresh = await StartScannerAsync(database, messagingPrefix: null);
        await using var db = NpgsqlDataSource.Create(database.ConnectionString);
        await using var heard = await EventRecorder.StartAsync(
            fresh.MessagingPrefix, on => on.Event<EnvironmentScanned>().Event<AuditEventOccurred>());
        await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "pypa-osv.zip")), on: fresh);
        await PublishAsync(db, [.. Events.Heard<EnvironmentLogged>().DistinctBy(e => e.EnvironmentId)]);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(db, "select count(*) from environments where visible") == _environments.Count,
            "the fresh scanner has scanned all", 60);
        return await SnapshotAsync(db);
    }

    private async Task<HashSet<long>> SetsAsync(string sql, long generation)
    {
        await using var connection = await Db.OpenConnectionAsync();
        return [.. await connection.QueryAsync<long>(sql, new { generation })];
    }

    private async Task<HashSet<EnvironmentId>> IdsOfEnvironmentsAsync(HashSet<long> sets)
    {
        await using var connection = await Db.OpenConnectionAsync();
        return [.. (await connection.QueryAsync<Guid>("select environment_id from environments where set_id = any(@Sets)",
            new { Sets = sets.ToArray() })).Select(id => new EnvironmentId(id))];
    }

    private static async Task<Snapshot> SnapshotAsync(NpgsqlDataSource db)
    {
        await using var connection = await db.OpenConnectionAsync();
        var findings = await connection.QueryAsync<(int Package, string Text)>(
            """
            select package_id, vulnerability_id || ' ' || array_to_string(advisories, ',') || ' ' || array_to_string(fixed_in, ',')
            from package_findings order by package_id, vulnerability_id
            """);
        var sets = await connection.QueryAsync<(long Set, string Text)>(
            """
            select set_id, concat_ws(' ', total, critical, high, medium, low, unknown, coalesce(max_cvss, -1), kev, not_checked)
            from set_counts order by set_id
            """);
        return new(
            findings.GroupBy(row => row.Package).ToDictionary(group => group.Key, group => group.Select(row => row.Text).ToArray()),
            sets.ToDictionary(row => row.Set, row => row.Text),
            [.. await connection.QueryAsync<string>(
                "select concat_ws(' ', package_id, ecosystem, project, coverage, reason) from packages order by package_id")],
            [.. await connection.QueryAsync<string>(
                "select id || ' ' || encode(content_sha256, 'hex') from vulnerabilities order by id collate \"C\"")]);
    }

    private sealed record FeedRecord(string Text, bool IsWithdrawn);

    private sealed record Snapshot(
        Dictionary<int, string[]> Findings, Dictionary<long, string> Sets, string[] Coverage, string[] Vulnerabilities);
}
