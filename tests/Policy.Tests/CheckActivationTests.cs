using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Prefixes;
using EnvPlatform.Testing;

using StackExchange.Redis;

namespace EnvPlatform.Policy.Tests;

public sealed class CheckActivationTests
{
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await PolicyPlatform.StartAsync(instances: 2);
        await UntilRedisAsync(_platform, 0, "healthy");
        await UntilRedisAsync(_platform, 1, "healthy");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_change_on_one_instance_is_seen_on_the_other_within_a_second()
    {
        var environment = await _platform.LogAsync();
        foreach (var status in new[] { "block", "ok", "warn", "ok", "block" })
        {
            await _platform.StatusAsync(environment, 0);
            await _platform.StatusAsync(environment, 1);
            using var _ = await _platform.SetAsync(environment, new { status }, instance: 0);
            Assert.That(await _platform.StatusAsync(environment, 0), Is.EqualTo(status), "at once where it was set");
            await Eventually.BecomesTrueAsync(
                async () => await _platform.StatusAsync(environment, 1) == status, $"{status} on the other instance", seconds: 1);
        }
    }

    [Test]
    public async Task An_organization_that_manages_no_environments_blocks_nothing_until_it_does_again()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block", message = "Leaked key" }, instance: 0);
        var organization = _platform.Organization with { Role = Roles.Administrator };
        var off = await _platform.CheckAsync(
            _platform.As(TestCaller.Of(organization with { EnvironmentsEnabled = false })), environment.MachineId, environment.Prefix);
        Assert.That(off.GetProperty("status").GetString(), Is.EqualTo("ok"));
        Assert.That(off.GetProperty("reasons")[0].GetProperty("kind").GetString(), Is.EqualTo("disabled"));
        var on = await _platform.CheckAsync(_platform.As(TestCaller.Of(organization)), environment.MachineId, environment.Prefix);
        Assert.That(on.GetProperty("status").GetString(), Is.EqualTo("block"));
    }

    [Test]
    public async Task A_lost_seat_lifts_no_block()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block", message = "Leaked key" }, instance: 0);
        var checkedBy = await _platform.CheckAsync(
            _platform.As(TestCaller.Of(_platform.Organization with { Role = Roles.Administrator, Products = null })), environment.MachineId,
            environment.Prefix);
        Assert.That(checkedBy.GetProperty("status").GetString(), Is.EqualTo("block"));
    }

    [Test]
    public async Task While_enforcement_is_paused_a_block_warns_and_says_until_when()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block", message = "Leaked key" }, instance: 0);
        var (past, end) = (TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddHours(1));
        var paused = await _platform.CheckAsync(
            _platform.As(TestCaller.Of(_platform.Organization with { EnforcementPausedUntil = end })),
            environment.MachineId, environment.Prefix);
        Assert.That(paused.GetProperty("status").GetString(), Is.EqualTo("warn"));
        Assert.That(paused.GetProperty("message").GetString(), Is.EqualTo("Leaked key"));
        Assert.That(
            paused.GetProperty("reasons").EnumerateArray().Select(one => one.GetProperty("kind").GetString()),
            Is.EqualTo(new[] { "manual", "enforcement_paused" }));
        var over = await _platform.CheckAsync(
            _platform.As(TestCaller.Of(_platform.Organization with { EnforcementPausedUntil = past })),
            environment.MachineId, environment.Prefix);
        Assert.That(over.GetProperty("status").GetString(), Is.EqualTo("block"));
    }

    [Test]
    public async Task Another_member_learns_nothing_of_an_environment_from_its_machine_and_path()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block", message = "Leaked key" }, instance: 0);
        foreach (var instance in new[] { 0, 1, 0, 1 })
        {
            // From the database, Redis and memory alike.
            var others = await _platform.CheckAsync(_platform.OtherMember(instance), environment.MachineId, environment.Prefix);
            var nowhere = await _platform.CheckAsync(_platform.OtherMember(instance), environment.MachineId, "/nowhere");
            Assert.That(others.GetRawText(), Is.EqualTo(nowhere.GetRawText()), "as where nothing was logged");
            Assert.That((await _platform.CheckAsync(environment, instance)).GetProperty("status").GetString(), Is.EqualTo("block"));
            var administrators =
                await _platform.CheckAsync(_platform.Administrator(instance), environment.MachineId, environment.Prefix);
            Assert.That(administrators.GetProperty("status").GetString(), Is.EqualTo("block"));
        }
    }

    [Test]
    public async Task Readers_on_both_instances_never_keep_what_was_true_before_a_change()
    {
        var environment = await _platform.LogAsync();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            var client = _platform.Member(i % 2);
            while (!stop.IsCancellationRequested)
            {
                await _platform.CheckAsync(client, environment.MachineId, environment.Prefix);
            }
        })).ToArray();
        for (var i = 0; i < 60; i++)
        {
            using var _ = await _platform.SetAsync(
                environment, new { status = "warn", message = i.ToString(CultureInfo.InvariantCulture) }, instance: i % 2);
            var expected = i.ToString(CultureInfo.InvariantCulture);
            foreach (var instance in new[] { 0, 1 })
            {
                await Eventually.BecomesTrueAsync(
                    async () => (await _platform.CheckAsync(environment, instance)).GetProperty("message").GetString() == expected,
                    $"change {i} on instance {instance}", seconds: 1);
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Test]
    public async Task A_warm_check_touches_neither_Redis_nor_PostgreSQL()
    {
        var environment = await _platform.LogAsync();
        var client = _platform.Member();
        // The message that drops what was cached before the log may still be on its way.
        await Task.Delay(500);
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
        // Behind the service's back: only a read of the database could see it.
        await _platform.ScalarAsync<object>(
            "update environment_status set status = 'block' where environment_id = $1", environment.EnvironmentId.Value);
        // A miss in memory would leave an answer or a lease under the key.
        using var redis = await ConnectionMultiplexer.ConnectAsync(TestServers.Redis);
        var key = $"policy:activation:{environment.OrganizationId}:{environment.MachineId}:"
            + $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(PrefixIdentity.Folded(environment.Prefix))))}";
        Assert.That(await redis.GetDatabase().KeyDeleteAsync(key), Is.True, "the answer was shared");
        var before = Stopwatch.GetTimestamp();
        for (var i = 0; i < 200; i++)
        {
            var answer = await _platform.CheckAsync(client, environment.MachineId, environment.Prefix);
            Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("ok"));
        }

        Assert.That(await redis.GetDatabase().KeyExistsAsync(key), Is.False);
        TestContext.Out.WriteLine($"{200 / Stopwatch.GetElapsedTime(before).TotalSeconds:F0} sequential checks a second");
    }

    [Test]
    public async Task A_status_that_changed_while_its_process_died_is_dropped_by_the_event()
    {
        var environment = await _platform.LogAsync();
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
        await _platform.ScalarAsync<object>(
            "update environment_status set status = 'warn', message = 'm', version = 1, set_by = $2 where environment_id = $1",
            environment.EnvironmentId.Value, Guid.CreateVersion7());
        await _platform.PublishAsync(new EnvironmentStatusChanged(
            environment.OrganizationId, environment.EnvironmentId, Contracts.EnvironmentStatus.Warn, "m", 1, DateTimeOffset.UtcNow));
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(environment) == "warn", "the event drops the answer");
    }

    [TestCase("warn", "activation_warned")]
    [TestCase("block", "activation_blocked")]
    public async Task A_denial_is_audited_with_who_and_where(string status, string action)
    {
        var member = TestCaller.Of(_platform.Organization with { Role = Roles.Member });
        var environment = await _platform.LogAsync(_platform.NewEnvironment(owner: member.SubjectId));
        using var _ = await _platform.SetAsync(environment, new { status, message = "Not this one." });
        await _platform.CheckAsync(_platform.As(member), environment.MachineId, environment.Prefix);
        var audited = await Eventually.GetAsync(() => Task.FromResult(
            _platform.Audited.FirstOrDefault(a => a.ActionKey == action && a.Target.Id == environment.EnvironmentId.ToString())), action);
        Assert.Multiple(() =>
        {
            Assert.That(audited.Actor.Id, Is.EqualTo(member.SubjectId.ToString()));
            Assert.That(audited.OrganizationId, Is.EqualTo(_platform.Organization.Id));
            Assert.That(audited.Meta.GetProperty("prefix").GetString(), Is.EqualTo(environment.Prefix));
            Assert.That(audited.Meta.GetProperty("message").GetString(), Is.EqualTo("Not this one."));
            Assert.That(audited.Meta.GetProperty("count").GetInt32(), Is.EqualTo(1));
            Assert.That(audited.SourceAddress, Is.EqualTo("192.0.2.7"));
        });
    }

    [Test]
    public async Task A_flood_of_denials_is_counted_to_the_last_one_in_few_events()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block" });
        var client = _platform.Member();
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => _platform.CheckAsync(client, environment.MachineId, environment.Prefix)));
        IEnumerable<AuditEventOccurred> Events() =>
            _platform.Audited.Where(a => a.ActionKey == "activation_blocked" && a.Target.Id == environment.EnvironmentId.ToString());
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events().Sum(a => a.Meta.GetProperty("count").GetInt32()) == 300), "every denial is counted");
        Assert.That(Events().Count(), Is.LessThan(30));
    }

    [Test]
    public async Task Another_organizations_place_is_unknown_and_its_path_is_404()
    {
        var environment = await _platform.LogAsync();
        var other = TestCaller.NewOrganization(Roles.Member);
        var query = $"/activation?machine_id={environment.MachineId}&prefix={Uri.EscapeDataString(environment.Prefix)}";
        async Task<HttpResponseMessage> GetAsync(TestCaller? caller, string org) =>
            await _platform.As(caller).GetAsync(new Uri($"/api/v1/orgs/{org}{query}", UriKind.Relative));
        Assert.That((int)(await GetAsync(null, _platform.Organization.Slug)).StatusCode, Is.EqualTo(401));
        Assert.That((int)(await GetAsync(
            TestCaller.Of(_platform.Organization with { Role = Roles.Auditor }), _platform.Organization.Slug)).StatusCode, Is.EqualTo(403));
        Assert.That((int)(await GetAsync(TestCaller.Of(other), _platform.Organization.Slug)).StatusCode, Is.EqualTo(404));
        Assert.That(await (await GetAsync(TestCaller.Of(other), other.Slug)).Content.ReadAsStringAsync(), Does.Contain("\"unknown\""));
    }

    [TestCase("prefix=/x", "machine_id")]
    [TestCase("machine_id=7&prefix=/x", "machine_id")]
    [TestCase("machine_id=0192f0c1-0000-7000-8000-000000000000", "prefix")]
    [TestCase("machine_id=0192f0c1-0000-7000-8000-000000000000&prefix=", "prefix")]
    [TestCase("machine_id=0192f0c1-0000-7000-8000-000000000000&prefix=a%00b", "query")]
    public async Task Bad_input_is_400_and_names_the_field(string query, string field)
    {
        using var response = await _platform.Member()
            .GetAsync(new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/activation?{query}", UriKind.Relative));
        var problem = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(400), problem);
        using var json = JsonDocument.Parse(problem);
        Assert.That(json.RootElement.GetProperty("errors").EnumerateObject().Select(error => error.Name), Does.Contain(field), problem);
    }

    internal static Task UntilRedisAsync(PolicyPlatform platform, int instance, string status) => Eventually.BecomesTrueAsync(
        async () => (await platform.As(null, instance).GetStringAsync(new Uri("/health/ready", UriKind.Relative)))
            .Contains($"\"{status}\"", StringComparison.Ordinal),
        $"instance {instance} is {status}");
}
