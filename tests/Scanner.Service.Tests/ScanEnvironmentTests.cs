using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

public sealed class ScanEnvironmentTests : ScannerFixture
{
    private MachineId _machine;

    protected override async Task PrepareAsync()
    {
        _machine = await RegisterMachineAsync(Bob);
        await ImportAsync(File(
            Record("PYSEC-1", "alphalib", null, "2.2.5", ["CVE-2026-1001"], High),
            Record("GHSA-aaaa-bbbb-cccc", "alphalib", null, "2.2.5", ["CVE-2026-1001"]),
            Record("PYSEC-2", "betalib", "2.0", "2.31.0", ["CVE-2026-1002"], Medium),
            Record("PYSEC-3", "gammalib", null, null, null, null)));
    }

    [Test]
    public async Task A_logged_environment_is_scanned_and_everybody_concerned_is_told()
    {
        var id = await LogAsync(
            Bob, _machine, "/opt/first", Conda("alphalib", "2.2.2"), PyPi("betalib", "2.25.1"), Conda("nobodys-lib", "1.2.8", "h123_3"));
        var told = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentScanned>().FirstOrDefault(e => e.Sets.Any(set => set.Environments.Contains(id)))),
            "EnvironmentScanned");
        var scanned = told.Sets.Single(set => set.Environments.Contains(id));
        Assert.Multiple(() =>
        {
            Assert.That(told.OrganizationId, Is.EqualTo(Organization.Id));
            Assert.That(scanned.Vulnerabilities, Is.EqualTo(new VulnerabilityCounts(2, 0, 1, 1, 0, 0)),
                "two advisories of one vulnerability count once");
            Assert.That(scanned.MaxCvss, Is.EqualTo(7.5m));
            Assert.That(scanned.KnownExploited, Is.Zero);
            Assert.That(scanned.NotChecked, Is.EqualTo(1), "nothing is known of a package that is no Python project");
        });
        var audit = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>()
                .FirstOrDefault(e => e.ActionKey == "environment_scanned" && e.Target.Id == id.ToString())), "the audit event");
        Assert.Multiple(() =>
        {
            Assert.That(audit.Actor.Type, Is.EqualTo("system"));
            Assert.That(audit.OrganizationId, Is.EqualTo(Organization.Id));
            Assert.That(audit.Message, Does.Contain("first").And.Contain("2 vulnerabilities"));
        });
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<int?>(IngestDb,
                """
                select total from environments join organization_package_sets using (org_id, package_set_id) where environment_id = @Value
                """, id) == 2, "Ingest's list has the counts");
    }

    [Test]
    public async Task The_vulnerabilities_of_an_environment_say_all_that_is_known()
    {
        var id = await LogAsync(
            Bob, _machine, "/opt/details", Conda("alphalib", "2.2.2"), PyPi("AlphaLib", "2.1.0"), PyPi("betalib", "2.25.1"));
        await ScannedAsync(id);
        var page = await GetAsync(Bob, $"environments/{id}/vulnerabilities");
        Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(2));
        var alphalib = page.GetProperty("items")[0];
        Assert.Multiple(() =>
        {
            Assert.That(alphalib.GetProperty("id").GetString(), Is.EqualTo("CVE-2026-1001"));
            Assert.That(Strings(alphalib, "advisories"), Is.EqualTo(new[] { "GHSA-aaaa-bbbb-cccc", "PYSEC-1" }));
            Assert.That(Strings(alphalib, "aliases"), Is.SupersetOf(new[] { "GHSA-aaaa-bbbb-cccc", "PYSEC-1" }));
            Assert.That(alphalib.GetProperty("cvss").GetDecimal(), Is.EqualTo(7.5m));
            Assert.That(alphalib.GetProperty("cvss_vector").GetString(), Is.EqualTo(High));
            Assert.That(alphalib.GetProperty("severity").GetString(), Is.EqualTo("high"));
            Assert.That(alphalib.GetProperty("status").GetString(), Is.EqualTo("reported"));
            Assert.That(alphalib.GetProperty("kev").ValueKind, Is.EqualTo(JsonValueKind.Null), "no catalogue was imported");
            Assert.That(alphalib.GetProperty("epss").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(Strings(alphalib, "fixed_in"), Is.EqualTo(new[] { "2.2.5" }));
            Assert.That(alphalib.GetProperty("published_at").GetDateTimeOffset(),
                Is.EqualTo(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
            Assert.That(alphalib.GetProperty("summary").GetString(), Does.StartWith("What ").And.EndsWith(" says."));
            Assert.That(alphalib.GetProperty("packages").EnumerateArray()
                .Select(p => (p.GetProperty("manager").GetString(), p.GetProperty("version").GetString())),
                Is.EquivalentTo(new[] { ("conda", "2.2.2"), ("pypi", "2.1.0") }));
        });
        var ofPackage = await GetAsync(Bob, $"environments/{id}/packages/betalib/vulnerabilities");
        Assert.That(ofPackage.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()),
            Is.EqualTo(new[] { "CVE-2026-1002" }));
    }

    [Test]
    public async Task What_is_shared_is_matched_once()
    {
        var alphalib = Conda("alphalib", "2.2.1");
        var first = await LogAsync(Bob, _machine, "/opt/shared-1", alphalib, PyPi("only-1", "1"));
        var set = await ScannedAsync(first);
        await ScalarAsync<int>(Db,
            """
            update packages set generation = -1 where name = 'alphalib' and version = '2.2.1'; update set_counts
            set generation = -1 where set_id = @set
            """, new { set });
        var second = await LogAsync(Bob, _machine, "/opt/shared-2", alphalib, PyPi("only-1", "1"));
        var third = await LogAsync(Bob, _machine, "/opt/shared-3", alphalib, PyPi("only-3", "1"));
        Assert.That(await ScannedAsync(second), Is.EqualTo(set));
        Assert.That(await ScannedAsync(third), Is.Not.EqualTo(set));
        Assert.Multiple(async () =>
        {
            Assert.That(await ScalarAsync<long>(Db, "select generation from set_counts where set_id = @set", new { set }), Is.EqualTo(-1),
                "the set was not counted again");
            Assert.That(await ScalarAsync<long>(Db, "select generation from packages where name = 'alphalib' and version = '2.2.1'"),
                Is.EqualTo(-1), "the package was not matched again");
        });
    }

    [Test]
    public async Task An_event_that_comes_again_is_handled_once()
    {
        var id = await LogAsync(Bob, _machine, "/opt/again", Conda("alphalib", "2.2.3"));
        await ScannedAsync(id);
        var logged = Events.Heard<EnvironmentLogged>().First(e => e.EnvironmentId == id);
        var moved = logged with { EnvironmentId = EnvironmentId.New(TimeProvider.System.GetUtcNow()) };
        await PublishAgainAsync(IngestDb, moved, times: 5);
        await ScannedAsync(moved.EnvironmentId);
        // The same event under another message id is stale by its version.
        await PublishAsync(IngestDb, moved);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(IngestDb, "select count(*) from outbox") == 0, "all was published");
        var last = await LogAsync(Bob, _machine, "/opt/again-last", Conda("alphalib", "2.2.3"));
        await Eventually.BecomesTrueAsync(() => Task.FromResult(AuditsOf(last) == 1), "the last one was scanned");
        Assert.That(AuditsOf(moved.EnvironmentId), Is.EqualTo(1));
    }

    [Test]
    public async Task Events_may_come_in_any_order()
    {
        var logged = await LogAsync(Bob, _machine, "/opt/order", Conda("alphalib", "2.2.4"));
        var set = await ScannedAsync(logged);
        var template = Events.Heard<EnvironmentLogged>().First(e => e.EnvironmentId == logged);
        var now = TimeProvider.System.GetUtcNow();
        var renamed = EnvironmentId.New(now);
        await PublishAndWaitAsync(
            new EnvironmentRenamed(Organization.Id, renamed, _machine, "/opt/new", "new", "linux-64", 2, now), "name_version = 2", renamed);
        await PublishAndWaitAsync(
            template with { EnvironmentId = renamed, Version = 1, Prefix = "/opt/old", Name = "old" }, "logged_version = 1", renamed);

        var removed = EnvironmentId.New(now);
        await PublishAndWaitAsync(new EnvironmentRemoved(Organization.Id, removed, 5, now), "removed_version = 5", removed);
        await PublishAndWaitAsync(template with { EnvironmentId = removed, Version = 4 }, "logged_version = 4", removed);

        var archived = EnvironmentId.New(now);
        await PublishAndWaitAsync(new EnvironmentArchived(Organization.Id, archived, true, 3, now), "archived_version = 3", archived);
        await PublishAndWaitAsync(template with { EnvironmentId = archived, Version = 2 }, "logged_version = 2", archived);

        Assert.Multiple(async () =>
        {
            Assert.That(await ScalarAsync<string>(Db,
                "select name || ' ' || prefix || ' ' || set_id || ' ' || visible from environments where environment_id = @Value", renamed),
                Is.EqualTo($"new /opt/new {set} true"));
            Assert.That(await ScalarAsync<bool>(Db, "select visible from environments where environment_id = @Value", removed), Is.False,
                "an old log does not bring it back");
            Assert.That(
                await ScalarAsync<bool>(Db, "select archived and visible from environments where environment_id = @Value", archived),
                Is.True);
        });
        await PublishAndWaitAsync(template with { EnvironmentId = removed, Version = 6 }, "logged_version = 6", removed);
        Assert.That(await ScalarAsync<bool>(Db, "select visible from environments where environment_id = @Value", removed),
            Is.True, "a new log does");
    }

    [Test]
    public async Task Another_edition_of_what_is_built_in_matches_every_package_again()
    {
        var id = await LogAsync(Bob, _machine, "/opt/edition", PyPi("alphalib", "1.7"));
        var set = await ScannedAsync(id);
        // As an older edition would have left it: the package mapped to another project, and so nothing found.
        await ScalarAsync<int>(
            Db,
            """
            update packages set project = 'another' where name = 'alphalib' and version = '1.7';
            delete from package_findings where package_id in (select package_id from packages where name = 'alphalib' and version = '1.7');
            update set_counts set total = 0, high = 0 where set_id = @set;
            update advisory_state set starter_sha256 = 'older';
            """, new { set });
        await using var newer = await StartAnotherAsync();
        Assert.That(await ScalarAsync<string>(
            Db, "select project || ' ' || total from packages, set_counts where name = 'alphalib' and version = '1.7' and set_id = @set",
            new { set }), Is.EqualTo("alphalib 1"));
    }

    [Test]
    public async Task Two_instances_share_the_work_and_do_nothing_twice()
    {
        await using var another = await StartAnotherAsync();
        var ids = new List<EnvironmentId>();
        for (var i = 0; i < 60; i++)
        {
            ids.Add(await LogAsync(Bob, _machine, $"/opt/two-{i}", Conda("alphalib", $"2.0.{i % 10}"), PyPi("betalib", $"2.{i % 12}.0"),
                PyPi("gammalib", "5.4")));
        }

        foreach (var id in ids)
        {
            await ScannedAsync(id);
        }

        await Eventually.BecomesTrueAsync(() => Task.FromResult(ids.TrueForAll(id => AuditsOf(id) > 0)), "all were notified");
        Assert.Multiple(async () =>
        {
            Assert.That(ids.Select(AuditsOf), Is.All.EqualTo(1));
            Assert.That(await ScalarAsync<long>(Db, "select count(distinct set_id) from environments where environment_id = any(@Ids)",
                new { Ids = ids.Select(id => id.Value).ToArray() }), Is.EqualTo(60));
            Assert.That(
                await ScalarAsync<long>(
                    Db,
                        """
                        select count(*) from set_counts
                        where total = 3 and set_id in (select set_id from environments where environment_id = any(@Ids))
                        """,
                    new { Ids = ids.Select(id => id.Value).ToArray() }), Is.EqualTo(60), "each set has its three vulnerabilities");
        });
    }

    private int AuditsOf(EnvironmentId id) =>
        Events.Heard<AuditEventOccurred>().Where(e => e.ActionKey == "environment_scanned" && e.Target.Id == id.ToString())
            .DistinctBy(e => e.EventId).Count();

    private async Task PublishAndWaitAsync<T>(T message, string condition, EnvironmentId id) where T : class
    {
        await PublishAsync(IngestDb, message);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(Db, $"select count(*) from environments where environment_id = @Value and {condition}", id)
                == 1, condition);
    }

    private static IEnumerable<string?> Strings(JsonElement item, string property) =>
        item.GetProperty(property).EnumerateArray().Select(value => value.GetString());
}
