using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Packages;

/// <summary>What Ingest learns from other services' events, which may be duplicated, late and out of order.</summary>
public sealed class StoreEventsTests : IngestFixture
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private async Task<EnvironmentId> NewEnvironmentAsync(string prefix, string package) =>
        new((await LoggedAsync(Bob, Body([Conda(package, "1")], prefix))).GetProperty("environment_id").GetGuid());

    private Task<long> SetOfAsync(EnvironmentId id) =>
        ScalarAsync<long>("select package_set_id from environments where environment_id = @Value", id);

    private Task<JsonElement> ViewAsync(EnvironmentId id) => GetAsync(Ada, $"environments/{id}");

    private Task<long> HandledAsync(string consumer) =>
        ScalarAsync<long>("select count(*) from inbox where consumer = @consumer", new { consumer });

    private EnvironmentScanned Scan(long set, EnvironmentId id, int critical, DateTimeOffset at) =>
        new(Organization.Id, [new ScannedSet(set, [id], new VulnerabilityCounts(critical + 2, critical, 1, 0, 1, 0), 7.5m, 1, 3, at)]);

    [Test]
    public async Task A_scan_result_reaches_every_environment_of_the_organization_on_the_set()
    {
        var first = await NewEnvironmentAsync("/scan/a", "scan");
        var second = await NewEnvironmentAsync("/scan/b", "scan");
        var machine = await RegisterMachineAsync(Mallory);
        var others = (await LoggedAsync(Mallory, Body([Conda("scan", "1")], "/scan/c", machine))).GetProperty("environment_id").GetString();
        await PublishTwiceAsync(Scan(await SetOfAsync(first), first, 4, Noon));
        foreach (var id in new[] { first, second })
        {
            await Eventually.BecomesTrueAsync(async () => Critical(await ViewAsync(id)) == 4, "the counts arrive");
            var environment = await ViewAsync(id);
            Assert.Multiple(() =>
            {
                Assert.That(environment.GetProperty("vulnerabilities").GetProperty("total").GetInt32(), Is.EqualTo(6));
                Assert.That(environment.GetProperty("max_cvss").GetDecimal(), Is.EqualTo(7.5m));
                Assert.That(environment.GetProperty("kev").GetInt32(), Is.EqualTo(1));
                Assert.That(environment.GetProperty("not_checked").GetInt32(), Is.EqualTo(3));
                Assert.That(environment.GetProperty("scanned_at").GetDateTimeOffset(), Is.EqualTo(Noon));
            });
        }

        var untouched = await GetAsync(Mallory, $"environments/{others}");
        Assert.That(untouched.GetProperty("scanned_at").ValueKind, Is.EqualTo(JsonValueKind.Null),
            "another organization's environment on the same set");
    }

    [TestCase(0, null, ExpectedResult = null, Description = "the publisher does not say")]
    [TestCase(0, false, ExpectedResult = null)]
    [TestCase(2, false, ExpectedResult = 2)]
    [TestCase(0, true, ExpectedResult = 0)]
    public async Task<int?> How_many_are_exploited_is_shown_only_where_it_is_known(int count, bool? isKnown)
    {
        var id = await NewEnvironmentAsync($"/scan/kev-{count}-{isKnown}", "scan");
        var scan = new ScannedSet(
            await SetOfAsync(id), [id], new VulnerabilityCounts(3, 0, 3, 0, 0, 0), 7.5m, count, 0, _exploited += TimeSpan.FromDays(1),
            isKnown);
        await PublishTwiceAsync(new EnvironmentScanned(Organization.Id, [scan]));
        await Eventually.BecomesTrueAsync(
            async () => (await ViewAsync(id)).GetProperty("scanned_at") is { ValueKind: JsonValueKind.String } at
                && at.GetDateTimeOffset() == _exploited, "the counts arrive");
        return (await ViewAsync(id)).GetProperty("kev") is { ValueKind: JsonValueKind.Number } number ? number.GetInt32() : null;
    }

    private DateTimeOffset _exploited = Noon.AddYears(1);

    [Test]
    public async Task An_older_scan_result_does_not_undo_a_newer_one()
    {
        var id = await NewEnvironmentAsync("/order", "order");
        var set = await SetOfAsync(id);
        await PublishAsync(Scan(set, id, 9, Noon.AddMinutes(2)));
        await Eventually.BecomesTrueAsync(async () => Critical(await ViewAsync(id)) == 9, "the newer result");
        var handled = await HandledAsync("StoreScanResults");
        await PublishAsync(Scan(set, id, 1, Noon));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("StoreScanResults") > handled, "the older result");
        Assert.That(Critical(await ViewAsync(id)), Is.EqualTo(9));
    }

    [Test]
    public async Task An_environment_that_moved_on_waits_for_its_own_scan_and_takes_what_is_known_of_a_set()
    {
        var id = await NewEnvironmentAsync("/moved", "moved");
        var old = await SetOfAsync(id);
        await PublishAsync(Scan(old, id, 2, Noon));
        await Eventually.BecomesTrueAsync(async () => Critical(await ViewAsync(id)) == 2, "scanned");
        await LoggedAsync(Bob, Body([Conda("moved", "2")], "/moved"));
        Assert.That(Critical(await ViewAsync(id)), Is.Null, "another set, not scanned yet");
        await PublishAsync(Scan(old, id, 3, Noon.AddMinutes(1)));
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<int>(
                "select critical from organization_package_sets where package_set_id = @old and org_id = @Value",
                new { old, Organization.Id.Value }) == 3,
            "the old set's counts");
        Assert.That(Critical(await ViewAsync(id)), Is.Null, "a result for the set that it left");
        var back = await LoggedAsync(Bob, Body([Conda("moved", "1")], "/moved"));
        Assert.That(back.GetProperty("scan").GetString(), Is.EqualTo("done"));
        Assert.That(back.GetProperty("vulnerabilities").GetProperty("critical").GetInt32(), Is.EqualTo(3));
    }

    [Test]
    public async Task Hundreds_of_scan_results_at_once_are_all_stored()
    {
        var scans = new List<EnvironmentScanned>();
        for (var i = 0; i < 120; i++)
        {
            var id = await NewEnvironmentAsync($"/many/{i}", $"many{i}");
            var set = await SetOfAsync(id);
            scans.AddRange(Enumerable.Range(1, 4).Select(j => Scan(set, id, j, Noon.AddMinutes(j))));
        }

        var shuffled = scans.ToArray();
        new Random(7).Shuffle(shuffled);
        await PublishAsync(shuffled);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(
                """
                select count(*) from environments join organization_package_sets using (org_id, package_set_id)
                where prefix like '/many/%' and critical = 4
                """) == 120, "the newest of each");
    }

    [Test]
    public async Task A_status_follows_its_version()
    {
        var id = await NewEnvironmentAsync("/status", "status");
        await PublishTwiceAsync(new EnvironmentStatusChanged(Organization.Id, id, EnvironmentStatus.Block, "Stop.", 3, Noon));
        await Eventually.BecomesTrueAsync(async () => (await ViewAsync(id)).GetProperty("status").GetString() == "block", "blocked");
        var answer = await LoggedAsync(Bob, Body([Conda("status", "1")], "/status"));
        Assert.That((answer.GetProperty("status").GetString(), answer.GetProperty("message").GetString()), Is.EqualTo(("block", "Stop.")));
        var handled = await HandledAsync("StoreStatus");
        await PublishAsync(
            new EnvironmentStatusChanged(Organization.Id, id, EnvironmentStatus.Ok, null, 2, Noon),
            new EnvironmentStatusChanged(Organization.Id, id, EnvironmentStatus.Warn, "Careful.", 4, Noon));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("StoreStatus") >= handled + 2, "both handled");
        var view = await ViewAsync(id);
        Assert.That((view.GetProperty("status").GetString(), view.GetProperty("message").GetString()), Is.EqualTo(("warn", "Careful.")));
    }

    [Test]
    public async Task A_status_under_another_organization_changes_nothing()
    {
        var id = await NewEnvironmentAsync("/foreign", "foreign");
        var handled = await HandledAsync("StoreStatus");
        await PublishAsync(new EnvironmentStatusChanged(OrgOf(Mallory), id, EnvironmentStatus.Block, "x", 1, Noon));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("StoreStatus") > handled, "handled");
        Assert.That((await ViewAsync(id)).GetProperty("status").GetString(), Is.EqualTo("ok"));
    }

    [Test]
    public async Task The_latest_registration_of_a_machine_stays()
    {
        var machine = await RegisterMachineAsync(Bob, "new-name", at: Noon);
        var handled = await HandledAsync("StoreMachine");
        await PublishTwiceAsync(
            new MachineRegistered(Organization.Id, machine, Bob.SubjectId, "newest-name", "linux-64", "1", Noon.AddDays(1)));
        await PublishTwiceAsync(
            new MachineRegistered(Organization.Id, machine, Bob.SubjectId, "old-name", "linux-64", "1", Noon.AddDays(-1)));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("StoreMachine") == handled + 2, "both handled");
        Assert.That(
            await ScalarAsync<string>("select hostname from machines where machine_id = @Value", machine), Is.EqualTo("newest-name"));
    }

    [Test]
    public async Task A_removed_machine_logs_no_more_until_it_registers_again()
    {
        var machine = await RegisterMachineAsync(Bob, "lent", at: Noon);
        var body = Body([Conda("lent", "1")], "/lent", machine);
        var id = new EnvironmentId((await LoggedAsync(Bob, body)).GetProperty("environment_id").GetGuid());
        await PublishTwiceAsync(new MachineRemoved(Organization.Id, machine, Bob.SubjectId, "lent", "linux-64", Noon.AddHours(1)));
        // Identity, which is not running here, would be asked whether the machine is registered again.
        await Eventually.BecomesTrueAsync(
            async () => await StatusOfLogAsync(body) == HttpStatusCode.ServiceUnavailable, "the machine is not known any more");
        Assert.That((await ViewAsync(id)).GetProperty("machine").GetProperty("hostname").GetString(), Is.EqualTo("lent"));

        var handled = await HandledAsync("StoreMachine");
        await PublishTwiceAsync(
            new MachineRegistered(Organization.Id, machine, Bob.SubjectId, "late", "linux-64", "1", Noon.AddMinutes(1)));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("StoreMachine") == handled + 1, "handled");
        Assert.That(await StatusOfLogAsync(body), Is.EqualTo(HttpStatusCode.ServiceUnavailable), "a registration from before the removal");

        await PublishTwiceAsync(new MachineRegistered(Organization.Id, machine, Bob.SubjectId, "back", "linux-64", "1", Noon.AddHours(2)));
        await Eventually.BecomesTrueAsync(async () => await StatusOfLogAsync(body) == HttpStatusCode.OK, "the machine is back");
    }

    [Test]
    public async Task The_environments_of_a_machine_go_with_it_to_its_new_owner_and_an_older_transfer_changes_nothing()
    {
        var machine = await RegisterMachineAsync(Bob, "given", at: Noon);
        var body = Body([Conda("given", "1")], "/given", machine);
        var id = new EnvironmentId((await LoggedAsync(Bob, body)).GetProperty("environment_id").GetGuid());
        var other = await NewEnvironmentAsync("/kept", "kept");
        await PublishTwiceAsync(Transfer(Eve, Noon.AddHours(2)));
        await Eventually.BecomesTrueAsync(async () => await OwnerAsync(id) == Eve.SubjectId.Value, "it is the new owner's");
        await PublishTwiceAsync(Transfer(Ada, Noon.AddHours(1)));
        await Eventually.BecomesTrueAsync(async () => await HandledAsync("TransferEnvironments") == 2, "the older one is handled");
        await PublishTwiceAsync(new MachineRegistered(Organization.Id, machine, Eve.SubjectId, "given", "linux-64", "1", Noon.AddHours(2)));
        Assert.That(await OwnerAsync(id), Is.EqualTo(Eve.SubjectId.Value));
        Assert.That(await OwnerAsync(other), Is.EqualTo(Bob.SubjectId.Value), "on another machine");
        Assert.That(await StatusOfLogAsync(body), Is.EqualTo(HttpStatusCode.NotFound), "the owner of before logs no more");
        Assert.That(await StatusOfLogAsync(body, Eve), Is.EqualTo(HttpStatusCode.OK));
        await GetAsync(Eve, $"environments/{id}");
        using var gone = await SendAsync(HttpMethod.Get, Bob, $"environments/{id}");
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));

        // Others hear of it as of a log: with the next version, and the time of the last change of packages.
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<EnvironmentLogged>().Any(logged => logged.EnvironmentId == id && logged.Version == 2)),
            "it is told");
        var told = Events.Heard<EnvironmentLogged>().Where(logged => logged.EnvironmentId == id).DistinctBy(logged => logged.Version)
            .OrderBy(logged => logged.Version).ToArray();
        Assert.That(told.Select(logged => (logged.Version, logged.Owner)), Is.EqualTo(new[] { (1L, Bob.SubjectId), (2L, Eve.SubjectId) }));
        Assert.That(
            (told[1].Digest, told[1].PackageSetId, told[1].Prefix, told[1].Created),
            Is.EqualTo((told[0].Digest, told[0].PackageSetId, told[0].Prefix, false)));

        MachineTransferred Transfer(TestCaller owner, DateTimeOffset at) => new(
            Organization.Id, machine, owner.SubjectId, owner.Email, owner.Email!, "given", "linux-64", at);

        Task<Guid> OwnerAsync(EnvironmentId environment) =>
            ScalarAsync<Guid>("select owner_id from environments where environment_id = @Value", environment);
    }

    private async Task<HttpStatusCode> StatusOfLogAsync(JsonObject body, TestCaller? caller = null)
    {
        using var response = await LogAsync(caller ?? Bob, body);
        return response.StatusCode;
    }

    private static int? Critical(JsonElement environment) =>
        environment.GetProperty("vulnerabilities") is { ValueKind: JsonValueKind.Object } counts
            ? counts.GetProperty("critical").GetInt32()
            : null;
}
