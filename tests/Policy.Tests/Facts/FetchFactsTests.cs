using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Facts;

/// <summary>What Scanner and Ingest know of a set arrives at Policy, and the set is to be decided anew.</summary>
public sealed class FetchFactsTests : FactsFixture
{
    [Test]
    public async Task What_a_scan_found_in_the_packages_of_a_logged_environment_is_known()
    {
        await ImportAsync(Record("PYSEC-2026-11", "factlib", "2.0", "CVE-2026-0011"));
        var machine = await RegisterMachineAsync(People.Bob);
        var set = await LogAsync(
            People.Bob, machine, Logged.PyPi("factlib", "1.0", "MIT"), Logged.PyPi("plain", "1.0"),
            Logged.Conda("zlib", "1.3.1", "A text that is no licence"));
        await IsMarkedAsync(set);
        var finding = await RowAsync(
            """
            select p.manager, p.version, p.coverage, f.vulnerability_id, f.fixed_in, f.gone_at, v.aliases, v.cvss, v.severity, v.epss,
                v.published_at, f.found_at = s.facts_at as found_now
            from package_sets h join packages p on p.package_id = any(h.package_ids)
            join package_findings f using (package_id) join vulnerabilities v using (vulnerability_id)
            join scan_facts s on s.package_set_id = h.package_set_id
            where h.package_set_id = @set
            """, new { set });
        var licenses = await CountAsync(
            """
            select count(*) from package_sets h join packages p on p.package_id = any(h.package_ids)
            join organization_packages o using (package_id)
            where h.package_set_id = @set and o.org_id = @Value
                and ((p.name = 'factlib' and declared = 'MIT' and license = 'MIT')
                    or (p.name = 'zlib' and declared = 'A text that is no licence' and license is null))
            """, new { set, People.Organization.Id.Value });
        Assert.Multiple(async () =>
        {
            Assert.That(finding["manager"], Is.EqualTo("pypi"));
            Assert.That(finding["coverage"], Is.EqualTo("checked"));
            Assert.That(finding["vulnerability_id"], Is.EqualTo("CVE-2026-0011"));
            Assert.That(finding["fixed_in"], Is.EqualTo(new[] { "2.0" }));
            Assert.That(finding["gone_at"], Is.Null);
            Assert.That(finding["aliases"], Is.EqualTo(new[] { "PYSEC-2026-11" }));
            Assert.That(finding["cvss"], Is.EqualTo(9.8m));
            Assert.That(finding["severity"], Is.EqualTo("critical"));
            Assert.That(finding["epss"], Is.Null, "no file of predictions has it");
            Assert.That(finding["published_at"], Is.EqualTo(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc)));
            Assert.That(licenses, Is.EqualTo(2), "what declares none has no row");
            Assert.That(
                await CountAsync("select cardinality(package_ids) from package_sets where package_set_id = @set", new { set }),
                Is.EqualTo(3));
        });
    }

    [Test]
    public async Task A_change_that_alters_no_count_arrives_too()
    {
        await ImportAsync(Record("PYSEC-2026-12", "stilllib", "2.0", "CVE-2026-0012"));
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("stilllib", "1.0"));
        var other = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("bystander", "1.0"));
        await SettleAsync();

        await ImportAsync("cve,epss,percentile\nCVE-2026-0012,0.25000,0.9\n", "epss");
        await BecomesAsync("epss = 0.25", "CVE-2026-0012");
        await IsMarkedAsync(set);
        await SettleAsync();

        await ImportAsync(Record("PYSEC-2026-12", "stilllib", "2.0.1", "CVE-2026-0012", modified: "2026-01-03"));
        await BecomesAsync("fixed_in = '{2.0.1}'", "CVE-2026-0012");
        await IsMarkedAsync(set);
        await SettleAsync();

        await ImportAsync(Record("PYSEC-2026-12", "stilllib", "2.0.1", "CVE-2026-0012", LessCritical, "2026-01-04"));
        await BecomesAsync("cvss = 9.1", "CVE-2026-0012");
        await IsMarkedAsync(set);
        Assert.That(
            await CountAsync("select count(*) from marked where package_set_id = @other", new { other }), Is.Zero,
            "nothing changed for the other set");
        await SettleAsync();

        await ImportAsync("""{"vulnerabilities":[{"cveID":"CVE-2026-0012","dateAdded":"2026-01-01"}]}""", "kev");
        await BecomesAsync("kev", "CVE-2026-0012");
        await IsMarkedAsync(set);
    }

    [Test]
    public async Task A_verdict_that_leaves_the_counts_alone_is_known_for_the_organization_and_for_no_other()
    {
        await ImportAsync(Record("PYSEC-2026-13", "verdictlib", "2.0", "CVE-2026-0013"));
        var package = Logged.PyPi("verdictlib", "1.0");
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), package);
        var foreign = await LogAsync(People.Mallory, await RegisterMachineAsync(People.Mallory), package);
        Assert.That(foreign, Is.EqualTo(set), "both hold the same set");
        await SettleAsync();

        await CurateAsync("CVE-2026-0013", new { status = "active", reason = "It concerns us.", package = "verdictlib", version = "1.0" });
        await StatusBecomesAsync(set, "active");
        await IsMarkedAsync(set);
        Assert.That(
            await CountAsync("select count(*) from marked where org_id = @Value", new { People.Mallory.Memberships[0].Id.Value }),
            Is.Zero, "the other organization has said nothing");
        await SettleAsync();

        await CurateAsync("CVE-2026-0013", new
        {
            status = "cleared",
            reason = "It does not.",
            package = "verdictlib",
            version = "1.0",
            expires_at = DateTimeOffset.UtcNow.AddSeconds(3),
        });
        await StatusBecomesAsync(set, "cleared");
        await IsMarkedAsync(set);
        await StatusBecomesAsync(set, "active");
    }

    [Test]
    public async Task A_finding_that_comes_back_within_a_day_goes_on_and_later_it_starts_anew()
    {
        await ImportAsync(Record("PYSEC-2026-14", "comeback", "2.0", "CVE-2026-0014"));
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("comeback", "1.5"));
        await Platform.Db.ExecuteAsync(
            "update package_findings set found_at = '2026-01-05T00:00:00Z' where vulnerability_id = 'CVE-2026-0014'");

        await ImportAsync(Record("PYSEC-2026-14", "comeback", "1.0", "CVE-2026-0014", modified: "2026-01-03"));
        await BecomesAsync("gone_at is not null", "CVE-2026-0014");
        await SettleAsync();
        await ImportAsync(Record("PYSEC-2026-14", "comeback", "2.0", "CVE-2026-0014", modified: "2026-01-04"));
        await BecomesAsync("gone_at is null and found_at = '2026-01-05T00:00:00Z'", "CVE-2026-0014");
        await IsMarkedAsync(set);

        await ImportAsync(Record("PYSEC-2026-14", "comeback", "1.0", "CVE-2026-0014", modified: "2026-01-05"));
        await BecomesAsync("gone_at is not null", "CVE-2026-0014");
        await Platform.Db.ExecuteAsync(
            "update package_findings set gone_at = gone_at - interval '25 hours' where vulnerability_id = 'CVE-2026-0014'");
        await ImportAsync(Record("PYSEC-2026-14", "comeback", "2.0", "CVE-2026-0014", modified: "2026-01-06"));
        await BecomesAsync("gone_at is null and found_at > '2026-01-05T00:00:00Z'", "CVE-2026-0014");
    }

    [Test]
    public async Task Events_that_come_late_or_twice_change_nothing_and_what_Scanner_does_not_know_does_not_hold_up_the_rest()
    {
        await ImportAsync(Record("PYSEC-2026-15", "twice", "2.0", "CVE-2026-0015"));
        var set = await LogAsync(People.Bob, await RegisterMachineAsync(People.Bob), Logged.PyPi("twice", "1.0"));
        await SettleAsync();
        var organization = People.Organization.Id;
        var old = new EnvironmentScanned(organization, [new(set, [], new(7, 7, 0, 0, 0, 0), 9.9m, 0, 0, DateTimeOffset.UnixEpoch)]);
        await Platform.PublishAsync(old);
        await Platform.PublishAsync(new FindingsChanged(organization, [set]));
        await Platform.PublishAsync(new FindingsChanged(null, null));
        await Platform.PublishAsync(
            new EnvironmentScanned(organization, [new(long.MaxValue, [], new(0, 0, 0, 0, 0, 0), null, 0, 0, DateTimeOffset.UnixEpoch)]));
        await Eventually.BecomesTrueAsync(
            async () => await CountAsync("select count(*) from scan_facts where package_set_id = @set", new { set = long.MaxValue }) == 1
                && await CountAsync("select count(*) from facts_to_fetch") == 0, "everything was looked at");
        Assert.Multiple(async () =>
        {
            Assert.That(
                await CountAsync("select count(*) from marked where package_set_id = @set", new { set }), Is.Zero);
            Assert.That(
                await CountAsync(
                    "select count(*) from scan_facts where package_set_id = @set and facts_at is null", new { set = long.MaxValue }),
                Is.EqualTo(1), "it is still not known");
            Assert.That(await CountAsync("select total from scan_facts where package_set_id = @set", new { set }), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task A_licence_that_is_learned_later_concerns_the_sets_that_were_there_before()
    {
        var machine = await RegisterMachineAsync(People.Bob);
        var package = Logged.Conda("licensed", "1.0");
        var before = await LogAsync(People.Bob, machine, package);
        await SettleAsync();
        await LogAsync(People.Bob, machine, package with { License = "Apache-2.0" }, Logged.Conda("another", "1.0"));
        await IsMarkedAsync(before);
    }

    private Task BecomesAsync(string condition, string vulnerability) => Eventually.BecomesTrueAsync(
        async () => await CountAsync(
            $"""
            select count(*) from package_findings f join vulnerabilities v using (vulnerability_id)
            where vulnerability_id = @vulnerability and {condition}
            """, new { vulnerability }) == 1,
        $"{vulnerability}: {condition}");

    private Task StatusBecomesAsync(long set, string status) => Eventually.BecomesTrueAsync(
        async () => await CountAsync(
            "select count(*) from finding_statuses where org_id = @Value and package_set_id = @set and status = @status",
            new { People.Organization.Id.Value, set, status }) == 1, $"the finding is {status}", 40);
}
