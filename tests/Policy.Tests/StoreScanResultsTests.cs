using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests;

public sealed class StoreScanResultsTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task What_was_found_stands_in_the_audit_event_of_a_status_that_is_set_by_hand()
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment() with { PackageSetId = 11 });
        await ScanAsync(11, Noon, critical: 2, maxCvss: 9.8m);
        await UntilScannedAsync(11, Noon);
        var found = await FoundAtBlockAsync(environment);
        Assert.Multiple(() =>
        {
            Assert.That(found.GetProperty("package_set_id").GetInt64(), Is.EqualTo(11));
            Assert.That(found.GetProperty("vulnerabilities").GetProperty("critical").GetInt32(), Is.EqualTo(2));
            Assert.That(found.GetProperty("max_cvss").GetDecimal(), Is.EqualTo(9.8m));
            Assert.That(found.GetProperty("scanned_at").GetDateTimeOffset(), Is.EqualTo(Noon));
        });
    }

    [Test]
    public async Task Nothing_is_said_of_a_set_that_was_not_scanned()
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment() with { PackageSetId = 12 });
        Assert.That((await FoundAtBlockAsync(environment)).ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public async Task The_newest_scan_stays_however_scans_arrive()
    {
        var messageId = Guid.CreateVersion7();
        await ScanAsync(13, Noon.AddHours(1), critical: 1, messageId: messageId);
        await UntilScannedAsync(13, Noon.AddHours(1));
        await ScanAsync(13, Noon, critical: 7);
        await ScanAsync(13, Noon.AddHours(1), critical: 1, messageId: messageId);
        await ScanAsync(14, Noon);
        await UntilScannedAsync(14, Noon);
        Assert.That(await _platform.ScalarAsync<int>("select critical from scan_facts where package_set_id = 13"), Is.EqualTo(1));
    }

    [Test]
    public async Task The_set_of_an_environment_is_that_of_its_newest_log_whatever_came_in_between()
    {
        var first = _platform.NewEnvironment() with { PackageSetId = 15 };
        var third = first with { PackageSetId = 16, Version = 3, Created = false };
        await _platform.PublishAsync(
            new EnvironmentRenamed(
                first.OrganizationId, first.EnvironmentId, first.MachineId, first.Prefix + "-4", "four", "linux-64", 4, Noon));
        await _platform.UntilVersionAsync(first.EnvironmentId, 4);
        await _platform.PublishAsync(third);
        await UntilSetAsync(first, 16);
        await _platform.PublishAsync(first);
        await _platform.LogAsync();
        await UntilSetAsync(first, 16);
        Assert.That(
            await _platform.StatusAsync(first with { Prefix = first.Prefix + "-4" }), Is.EqualTo("ok"), "the place is that of the rename");
    }

    private Task ScanAsync(long set, DateTimeOffset at, int critical = 0, decimal? maxCvss = null, Guid? messageId = null) =>
        _platform.PublishAsync(
            new EnvironmentScanned(_platform.Organization.Id, [new(set, [], new(critical, critical, 0, 0, 0, 0), maxCvss, 0, 1, at)]),
            messageId);

    private Task UntilScannedAsync(long set, DateTimeOffset at) => Eventually.BecomesTrueAsync(
        async () => await _platform.ScalarAsync<bool>("select scanned_at = $2 from scan_facts where package_set_id = $1", set, at),
        $"the scan of set {set} is known");

    private Task UntilSetAsync(EnvironmentLogged environment, long set) => Eventually.BecomesTrueAsync(
        async () => await _platform.ScalarAsync<long>(
            "select package_set_id from environment_status where environment_id = $1", environment.EnvironmentId.Value) == set,
        $"the environment holds set {set}");

    private async Task<JsonElement> FoundAtBlockAsync(EnvironmentLogged environment)
    {
        using var response = await _platform.SetAsync(environment, new { status = "block" });
        Assert.That((int)response.StatusCode, Is.EqualTo(200));
        var audited = await Eventually.GetAsync(
            () => Task.FromResult(_platform.Audited.FirstOrDefault(
                one => one.ActionKey == "environment_status_changed" && one.Target.Id == environment.EnvironmentId.ToString())),
            "the change is audited");
        return audited.Meta.GetProperty("found");
    }
}
