using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>A verdict expires by itself, once, and the previous verdict counts again.</summary>
public sealed class ExpireCurationsTests : CurationFixture
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1.5);

    private static DateTimeOffset Soon => TimeProvider.System.GetUtcNow() + Short;

    [Test]
    public async Task What_expires_is_reported_again_and_alerts()
    {
        var id = await LogAsync("PYSEC-2026-601", "expirelib", "CVE-2026-60100");
        await CurateAsync("CVE-2026-60100", "cleared", until: Soon);
        await CountsBecomeAsync(id, 0, null);
        Assert.That(await ShownAsync(id), Is.Empty);
        await CountsBecomeAsync(id, 1, 9.8m);
        Assert.That((await StatusAsync(id, "CVE-2026-60100")).Status, Is.EqualTo("reported"));
        var audit = await ExpiryAsync("CVE-2026-60100");
        Assert.Multiple(async () =>
        {
            Assert.That(audit.Actor.Type, Is.EqualTo("system"));
            Assert.That(audit.OrganizationId, Is.EqualTo(Organization.Id));
            Assert.That(audit.Meta.GetProperty("before").GetProperty("status").GetString(), Is.EqualTo("cleared"));
            Assert.That(audit.Meta.GetProperty("after").GetProperty("status").GetString(), Is.EqualTo("reported"));
            var history = await GetAllAsync(Ada, "vulnerabilities/CVE-2026-60100/curations?history=true", 10);
            Assert.That(history.Single().GetProperty("ended_as").GetString(), Is.EqualTo("expired"));
        });
    }

    [Test]
    public async Task What_was_held_before_counts_again()
    {
        var id = await LogAsync("PYSEC-2026-602", "restorelib", "CVE-2026-60200");
        await CurateAsync("CVE-2026-60200", "mitigated", reason: "for good");
        await CountsBecomeAsync(id, 0, null);
        await CurateAsync("CVE-2026-60200", "active", reason: "for now", until: Soon);
        await CountsBecomeAsync(id, 1, 9.8m);
        var under = await GetAllAsync(Ada, "vulnerabilities/CVE-2026-60200/curations", 10);
        Assert.That(under.Select(one => (one.GetProperty("reason").GetString(), one.GetProperty("in_force").GetBoolean())),
            Is.EqualTo(new[] { ("for now", true), ("for good", false) }));
        await CountsBecomeAsync(id, 0, null);
        Assert.That(
            (await ExpiryAsync("CVE-2026-60200")).Meta.GetProperty("after").GetProperty("reason").GetString(), Is.EqualTo("for good"));
        Assert.That((await StatusAsync(id, "CVE-2026-60200")).Status, Is.EqualTo("mitigated"));
    }

    [Test]
    public async Task What_was_taken_back_does_not_come_back()
    {
        await LogAsync("PYSEC-2026-603", "backlib", "CVE-2026-60300");
        await CurateAsync("CVE-2026-60300", "mitigated");
        await CurateAsync("CVE-2026-60300", "cleared", until: Soon);
        await CurateAsync("CVE-2026-60300", "reported");
        Assert.That(await GetAllAsync(Ada, "vulnerabilities/CVE-2026-60300/curations", 10), Is.Empty);
        await CurateAsync("CVE-2026-60300", "disputed", until: Soon + TimeSpan.FromHours(1));
        await CurateAsync("CVE-2026-60300", "cleared", until: Soon + TimeSpan.FromHours(2));
        Assert.That(await GetAllAsync(Ada, "vulnerabilities/CVE-2026-60300/curations", 10), Has.Count.EqualTo(1),
            "what ends before the newer one can never count again");
    }

    [Test]
    public async Task Of_two_instances_one_expires_each_verdict()
    {
        await using var another = await StartAnotherAsync();
        var environments = new List<(EnvironmentId Id, string Cve)>();
        for (var i = 0; i < 6; i++)
        {
            environments.Add((await LogAsync($"PYSEC-2026-61{i}", $"bothlib{i}", $"CVE-2026-6100{i}"), $"CVE-2026-6100{i}"));
        }

        var soon = Soon;
        foreach (var (_, cve) in environments)
        {
            await CurateAsync(cve, "cleared", until: soon);
        }

        foreach (var (id, cve) in environments)
        {
            await ExpiryAsync(cve);
            await CountsBecomeAsync(id, 1, 9.8m);
        }

        Assert.Multiple(() =>
        {
            Assert.That(environments.Select(one => Audits("vulnerability_curation_expired", one.Cve).Length), Is.All.EqualTo(1));
            Assert.That(
                environments.Select(one => Events.Heard<EnvironmentScanned>().SelectMany(e => e.Sets)
                    .Where(e => e.Environments.Contains(one.Id)).DistinctBy(e => e.ScannedAt)
                    .Select(e => e.Vulnerabilities.Total)), Is.All.EqualTo(new[] { 1, 0, 1 }), "told of each change once");
        });
    }

    private async Task<EnvironmentId> LogAsync(string advisory, string project, string cve)
    {
        await ImportAsync(File(Record(advisory, project, null, null, [cve], Critical)));
        var id = await LogAsync(Bob, Machine, "/opt/" + project, Conda(project, "1.0"));
        await ScannedAsync(id);
        await CountsBecomeAsync(id, 1, 9.8m);
        return id;
    }

    private async Task<AuditEventOccurred> ExpiryAsync(string cve) =>
        await Eventually.GetAsync(
            () => Task.FromResult(Audits("vulnerability_curation_expired", cve).SingleOrDefault()), "the expiry is audited", 10);
}
