using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Facts;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Policy.Tests.Facts;

/// <summary>Facts while Scanner is away, after an upgrade, and when nobody holds them any more.</summary>
public sealed class KeepFactsTests : FactsFixture
{
    private const string Facts =
        """
        select string_agg(concat_ws(' ', p.name, p.version, p.coverage, f.vulnerability_id, f.fixed_in, v.cvss, o.license, s.status), ', '
            order by p.name, f.vulnerability_id)
        from scan_facts c join package_sets h using (package_set_id) join packages p on p.package_id = any(h.package_ids)
        left join package_findings f on f.package_id = p.package_id and f.gone_at is null
        left join vulnerabilities v using (vulnerability_id)
        left join organization_packages o on o.org_id = c.org_id and o.package_id = p.package_id
        left join finding_statuses s on s.org_id = c.org_id and s.package_set_id = c.package_set_id and s.package_id = p.package_id
            and s.vulnerability_id = f.vulnerability_id
        where c.package_set_id = @set and c.facts_at is not null
        """;

    [Test]
    public async Task While_Scanner_is_away_what_was_known_stands_and_the_rest_waits_for_it()
    {
        await ImportAsync(Record("PYSEC-2026-31", "waiting", "2.0", "CVE-2026-0031"));
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("waiting", "1.0", "MIT"));
        await SettleAsync();
        var before = await RowAsync("select facts_at from scan_facts where package_set_id = @set", new { set });
        var known = await Platform.Db.ScalarAsync<string>(Facts, new { set });
        Assert.That(known, Is.EqualTo("waiting 1.0 checked CVE-2026-0031 {2.0} 9.8 MIT"));

        var port = Scanner.GrpcAddress.Port;
        await Scanner.DisposeAsync();
        await ScannerDb.ExecuteAsync("update vulnerabilities set cvss = 9.7 where id = 'CVE-2026-0031'");
        await Platform.PublishAsync(new FindingsChanged(null, [set]));
        await Eventually.BecomesTrueAsync(
            async () => await CountAsync("select count(*) from facts_to_fetch where package_set_id = @set", new { set }) == 1, "it waits");
        Assert.Multiple(async () =>
        {
            Assert.That(await Platform.Db.ScalarAsync<string>(Facts, new { set }), Is.EqualTo(known));
            Assert.That(await RowAsync("select facts_at from scan_facts where package_set_id = @set", new { set }), Is.EqualTo(before));
        });

        await StartScannerAsync(port);
        await Eventually.BecomesTrueAsync(
            async () => await Platform.Db.ScalarAsync<string>(Facts, new { set }) == known.Replace("9.8", "9.7", StringComparison.Ordinal),
            "the new score is known", 40);
        await IsMarkedAsync(set);
        Assert.That(await CountAsync("select count(*) from facts_to_fetch"), Is.Zero);
    }

    [Test]
    public async Task Sets_that_were_scanned_before_there_were_facts_are_fetched_in_the_background()
    {
        await ImportAsync(Record("PYSEC-2026-32", "upgraded", "2.0", "CVE-2026-0032"));
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("upgraded", "1.0", "Apache 2.0"));
        await CurateAsync("CVE-2026-0032", new { status = "mitigated", reason = "A proxy." });
        const string all = "upgraded 1.0 checked CVE-2026-0032 {2.0} 9.8 Apache-2.0 mitigated";
        await BecomesAsync(set, all);
        await SettleAsync();
        await Platform.Db.ExecuteAsync(
            """
            truncate packages, package_findings, package_sets, vulnerabilities, organization_packages, finding_statuses;
            update scan_facts set facts_at = null;
            """);
        await DropAsync();
        await BecomesAsync(set, all);
        await IsMarkedAsync(set);
    }

    [Test]
    public async Task What_nobody_holds_any_more_is_dropped_a_week_later()
    {
        await ImportAsync(Record("PYSEC-2026-33", "dropped", "2.0", "CVE-2026-0033"));
        var machine = await RegisterMachineAsync(People.Bob);
        var shared = Logged.PyPi("kept", "1.0", "MIT");
        var dropped = await LogAsync(People.Bob, machine, shared, Logged.PyPi("dropped", "1.0", "ISC"));
        var kept = await LogAsync(People.Bob, machine, shared);
        await CurateAsync("CVE-2026-0033", new { status = "active", reason = "Yes." });
        await BecomesAsync(dropped, "dropped 1.0 checked CVE-2026-0033 {2.0} 9.8 ISC active, kept 1.0 not_checked MIT");
        await SettleAsync();

        await Platform.Db.ExecuteAsync("update environment_status set removed = true where package_set_id = @dropped", new { dropped });
        await DropAsync();
        await BecomesAsync(dropped, "dropped 1.0 checked CVE-2026-0033 {2.0} 9.8 ISC active, kept 1.0 not_checked MIT");
        await Platform.Db.ExecuteAsync("update scan_facts set unused_since = unused_since - interval '8 days'");
        await DropAsync();
        Assert.Multiple(async () =>
        {
            Assert.That(await Platform.Db.ScalarAsync<string>(Facts, new { set = kept }), Is.EqualTo("kept 1.0 not_checked MIT"));
            foreach (var gone in new[]
            {
                "select count(*) from scan_facts where package_set_id = @dropped",
                "select count(*) from package_sets where package_set_id = @dropped",
                "select count(*) from finding_statuses where package_set_id = @dropped",
                "select count(*) from packages where name = 'dropped'",
                "select count(*) from package_findings where vulnerability_id = 'CVE-2026-0033'",
                "select count(*) from vulnerabilities where vulnerability_id = 'CVE-2026-0033'",
                "select count(*) from organization_packages where declared = 'ISC'",
            })
            {
                Assert.That(await CountAsync(gone, new { dropped }), Is.Zero, gone);
            }
        });

        Assert.That(
            await LogAsync(People.Bob, machine, shared, Logged.PyPi("dropped", "1.0", "ISC")), Is.EqualTo(dropped), "it comes back");
        await BecomesAsync(dropped, "dropped 1.0 checked CVE-2026-0033 {2.0} 9.8 ISC active, kept 1.0 not_checked MIT");
    }

    private Task DropAsync() =>
        Platform.Instances[0].Services.GetRequiredService<DropUnusedFacts>().RunAsync(CancellationToken.None);

    private Task BecomesAsync(long set, string facts) => Eventually.BecomesTrueAsync(
        async () => await Platform.Db.ScalarAsync<string>(Facts, new { set }) == facts, $"known is: {facts}");
}
