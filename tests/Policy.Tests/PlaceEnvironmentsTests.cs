using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests;

public sealed class PlaceEnvironmentsTests
{
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task The_status_goes_with_an_environment_that_is_renamed()
    {
        var environment = await _platform.LogAsync();
        using var _ = await _platform.SetAsync(environment, new { status = "block" });
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("block"));

        var moved = environment with { Prefix = environment.Prefix + "-2", Version = 2 };
        await _platform.PublishAsync(new EnvironmentRenamed(
            moved.OrganizationId, moved.EnvironmentId, moved.MachineId, moved.Prefix, "science-2", "linux-64", 2, DateTimeOffset.UtcNow));
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(environment) == "unknown", "the old prefix is free");
        Assert.That(await _platform.StatusAsync(moved), Is.EqualTo("block"));
    }

    [Test]
    public async Task Events_out_of_order_and_twice_lead_to_the_newest()
    {
        var first = _platform.NewEnvironment();
        var third = first with { Prefix = first.Prefix + "-3", Version = 3, Created = false };
        var messageId = Guid.CreateVersion7();
        await _platform.PublishAsync(new EnvironmentRenamed(
            first.OrganizationId, first.EnvironmentId, first.MachineId, first.Prefix + "-2", "two", "linux-64", 2, DateTimeOffset.UtcNow));
        await _platform.UntilVersionAsync(first.EnvironmentId, 2);
        await _platform.PublishAsync(third, messageId);
        await _platform.UntilVersionAsync(first.EnvironmentId, 3);
        await _platform.PublishAsync(first);
        await _platform.PublishAsync(third, messageId);
        await _platform.LogAsync();

        Assert.That(await _platform.StatusAsync(third), Is.EqualTo("ok"));
        Assert.That(await _platform.StatusAsync(first), Is.EqualTo("unknown"));
        Assert.That(
            await _platform.ScalarAsync<Guid>("select owner from environment_status where environment_id = $1", first.EnvironmentId.Value),
            Is.EqualTo(first.Owner.Value), "the owner comes from the log, however late");
    }

    [Test]
    public async Task The_owner_is_that_of_the_newest_log_and_the_set_is_held_since_it_was_first_logged()
    {
        var first = _platform.NewEnvironment() with { LoggedAt = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero) };
        var given = first with { Owner = new(Guid.CreateVersion7()), Version = 3, Created = false };
        await _platform.LogAsync(given);
        Assert.That(await OwnerAsync(), Is.EqualTo(given.Owner.Value));
        var second = first with { PackageSetId = 2, Version = 2, LoggedAt = first.LoggedAt.AddHours(1) };
        await _platform.PublishAsync(second);
        await _platform.PublishAsync(first);
        await _platform.LogAsync();
        Assert.That(await OwnerAsync(), Is.EqualTo(given.Owner.Value), "older logs name the owner of then");

        await _platform.LogAsync(given with { PackageSetId = 7, Version = 4, LoggedAt = first.LoggedAt.AddDays(1) });
        await _platform.LogAsync(given with { PackageSetId = 7, Version = 5, LoggedAt = first.LoggedAt.AddDays(2) });
        Assert.That(
            await _platform.ScalarAsync<bool>(
                "select set_since = $2 and logged_at = $3 from environment_status where environment_id = $1", first.EnvironmentId.Value,
                first.LoggedAt.AddDays(1).UtcDateTime, first.LoggedAt.AddDays(2).UtcDateTime), Is.True);

        Task<Guid> OwnerAsync() => _platform.ScalarAsync<Guid>(
            "select owner from environment_status where environment_id = $1", first.EnvironmentId.Value);
    }

    [Test]
    public async Task A_log_that_arrives_after_the_removal_does_not_bring_the_environment_back()
    {
        var environment = _platform.NewEnvironment();
        await _platform.PublishAsync(
            new EnvironmentRemoved(environment.OrganizationId, environment.EnvironmentId, 2, DateTimeOffset.UtcNow));
        await _platform.UntilVersionAsync(environment.EnvironmentId, 2);
        await _platform.PublishAsync(environment);
        await _platform.LogAsync();
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("unknown"));
    }

    [Test]
    public async Task A_place_that_was_unknown_is_known_as_soon_as_the_log_arrives()
    {
        var environment = _platform.NewEnvironment();
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("unknown"));
        await _platform.LogAsync(environment);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.StatusAsync(environment) == "ok", "the environment is known", seconds: 1);
    }

    [Test]
    public async Task Another_folder_is_not_this_one()
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment("/opt/conda/envs/x"));
        foreach (var other in new[] { "/opt/conda/envs/x2", "/opt/conda/envs", "/opt/conda/envs/x/y", "/opt/conda/envs/X" })
        {
            Assert.That(await _platform.StatusAsync(environment with { Prefix = other }), Is.EqualTo("unknown"), other);
        }

        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
    }

    [Test]
    public async Task The_longest_prefix_is_found_and_a_longer_one_is_refused()
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment("/" + new string('é', 4_095)));
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
        using var tooLong = await _platform.Member().GetAsync(new Uri(
            $"/api/v1/orgs/{_platform.Organization.Slug}/activation?machine_id={environment.MachineId}&prefix={new string('x', 4_097)}",
            UriKind.Relative));
        Assert.That((int)tooLong.StatusCode, Is.EqualTo(400));
    }

    [Test]
    public async Task A_thousand_logs_are_all_placed()
    {
        var environments = Enumerable.Range(0, 1_000).Select(_ => _platform.NewEnvironment()).ToList();
        await Task.WhenAll(environments.Select(environment => _platform.PublishAsync(environment)));
        var ids = environments.Select(environment => environment.EnvironmentId.Value).ToArray();
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<long>("select count(*) from environment_status where environment_id = any($1)", ids)
                == ids.Length, "all are placed");
    }
}
