using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>Imports change which ids belong together while people curate: verdicts and counts stay with their vulnerabilities.</summary>
public sealed class FollowAliasesTests : CurationFixture
{
    [Test]
    public async Task A_verdict_follows_a_vulnerability_to_the_cve_id_that_it_gets_later()
    {
        await ImportAsync(File(Record("GHSA-7111-2222-3333", "laterlib", null, "2.0", null, High)));
        var id = await LogAsync(Bob, Machine, "/opt/later", PyPi("laterlib", "1.0"));
        await ScannedAsync(id);
        await CurateAsync("GHSA-7111-2222-3333", "cleared");
        await CountsBecomeAsync(id, 0, null);

        await ImportAsync(File(Record("PYSEC-2026-701", "laterlib", null, "2.0", ["CVE-2026-70100", "GHSA-7111-2222-3333"], Critical)));
        Assert.Multiple(async () =>
        {
            Assert.That((await StatusAsync(id, "CVE-2026-70100")).Status, Is.EqualTo("cleared"));
            Assert.That(await ShownAsync(id), Is.Empty);
            Assert.That((await CountsAsync(id)).Total, Is.Zero);
            Assert.That((await GetAllAsync(Ada, "vulnerabilities/CVE-2026-70100/curations", 10)).Single().GetProperty("vulnerability_id")
                .GetString(), Is.EqualTo("CVE-2026-70100"));
        });

        await ImportAsync(File(Record("PYSEC-2026-701", "laterlib", null, "2.0", ["CVE-2026-70100"], Critical)));
        await CountsBecomeAsync(id, 1, 9.8m);
        Assert.Multiple(async () =>
        {
            Assert.That(
                await ShownAsync(id), Is.EqualTo(new[] { "CVE-2026-70100" }), "told apart again, it stays with what it was made for");
            Assert.That((await StatusAsync(id, "GHSA-7111-2222-3333")).Status, Is.EqualTo("cleared"));
        });
    }

    [Test]
    public async Task A_verdict_stays_where_an_alias_alone_comes_and_goes()
    {
        await ImportAsync(File(Record("PYSEC-2026-711", "aliaslib", null, null, ["CVE-2026-71100"], High)));
        await ImportAsync(File(Record("PYSEC-2026-712", "aliaslib", null, null, ["CVE-2026-71200"], Medium)));
        var id = await LogAsync(Bob, Machine, "/opt/alias", PyPi("aliaslib", "1.0"));
        await ScannedAsync(id);
        await CurateAsync("PYSEC-2026-712", "mitigated");
        await CurateAsync("CVE-2026-71100", "active");
        await CountsBecomeAsync(id, 1, 7.5m);
        await ImportAsync(File(Record("PYSEC-2026-712", "aliaslib", null, null, ["CVE-2026-71100", "CVE-2026-71200"], Medium)));
        Assert.That(
            (await StatusAsync(id, "CVE-2026-71100")).Status, Is.EqualTo("active"), "of two that have become one the newer verdict counts");
        await ImportAsync(File(Record("PYSEC-2026-712", "aliaslib", null, null, ["CVE-2026-71200"], Medium)));
        Assert.That(await ShownAsync(id), Is.EqualTo(new[] { "CVE-2026-71100" }));
        await CountsBecomeAsync(id, 1, 7.5m);
    }

    [Test]
    public async Task A_verdict_waits_for_an_advisory_that_is_withdrawn()
    {
        await ImportAsync(File(Record("PYSEC-2026-721", "goneagain", null, null, ["CVE-2026-72100"], High)));
        var id = await LogAsync(Bob, Machine, "/opt/gone", PyPi("goneagain", "1.0"));
        await ScannedAsync(id);
        await CurateAsync("CVE-2026-72100", "disputed");
        await ImportAsync(File(Record("PYSEC-2026-721", "goneagain", null, null, ["CVE-2026-72100"], High, withdrawn: true)));
        Assert.That(
            (await GetAllAsync(Ada, "vulnerabilities/curations", 100)).Select(one => one.GetProperty("vulnerability_id").GetString()),
            Does.Contain("CVE-2026-72100"));
        Assert.That(await ScalarAsync<string?>(Db, "select vulnerability_id from curations where made_for = 'CVE-2026-72100'"), Is.Null);
        await ImportAsync(File(Record("PYSEC-2026-721", "goneagain", null, null, ["CVE-2026-72100"], Critical)));
        Assert.That((await StatusAsync(id, "CVE-2026-72100")).Status, Is.EqualTo("disputed"));
        await CountsBecomeAsync(id, 0, null);
    }

    [Test]
    public async Task Curating_while_imports_and_logs_run_on_two_instances_ends_with_counts_that_the_lists_show()
    {
        await using var another = await StartAnotherAsync();
        const int Many = 8;
        static System.Text.Json.Nodes.JsonObject[] Records(bool merged) =>
        [
            .. Enumerable.Range(0, Many).Select(i => Record(
                $"PYSEC-2026-73{i}", "racelib", null, null,
                merged && i % 2 == 1 ? [$"CVE-2026-7300{i}", $"CVE-2026-7300{i - 1}"] : [$"CVE-2026-7300{i}"], merged ? High : Critical)),
        ];

        await ImportAsync(File(Records(false)));
        var environments = new List<EnvironmentId>();
        var logs = Task.Run(async () =>
        {
            for (var i = 0; i < 12; i++)
            {
                environments.Add(await LogAsync(Bob, Machine, $"/opt/race-{i}", PyPi("racelib", $"1.{i / 2}"), Conda("racelib", "1.0")));
            }
        });
        var imports = Task.Run(async () =>
        {
            for (var i = 0; i < 4; i++)
            {
                await ImportAsync(File(Records(i % 2 == 0)), on: i % 2 == 0 ? another : Scanner);
            }
        });
        string[] verdicts = ["cleared", "active", "mitigated", "reported"];
        for (var i = 0; i < 40; i++)
        {
            await CurateAsync($"CVE-2026-7300{i % Many}", verdicts[(i / 3) % 4], i % 3 == 0 ? "racelib" : null, i % 6 == 0 ? "1.0" : null);
        }

        await Task.WhenAll(logs, imports);
        foreach (var id in environments)
        {
            await ScannedAsync(id);
            await Eventually.BecomesTrueAsync(
                async () => (await CountsAsync(id)).Total == (await ShownAsync(id)).Length,
                $"{id}: {await CountsAsync(id)} of {string.Join(", ", await ShownAsync(id))}", 10);
        }
    }
}
