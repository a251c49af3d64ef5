using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>Many environments change at once, also while a process dies: all get their status, and nothing is told twice.</summary>
public sealed class MassChangeTests
{
    private const int AtOnce = 20;
    private PolicyPlatform _platform = null!;
    private StoredFacts _facts = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _platform = await PolicyPlatform.StartAsync(
            instances: 2, new Dictionary<string, string?>(StringComparer.Ordinal) { ["Policy:DecisionsAtOnce"] = $"{AtOnce}" });
        _facts = new(_platform.Db, _platform.Organization.Id.Value);
    }

    [TearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task One_event_tells_of_many_and_one_of_each()
    {
        await EnvironmentsAsync(150);
        var policy = await _facts.PolicyAsync("names", "name: many-*", "then: warn");
        await UntilHeardAsync(150);
        var summary = (await SummariesAsync(1)).Single();
        Assert.Multiple(() =>
        {
            Assert.That(summary.Target.Id, Is.EqualTo(policy.ToString()));
            Assert.That(summary.Meta.GetProperty("environments").GetInt32(), Is.EqualTo(150));
            Assert.That(summary.Meta.GetProperty("to_warn").GetInt32(), Is.EqualTo(150));
            Assert.That(summary.Meta.GetProperty("query").GetString(), Is.EqualTo($"policies/{policy}/environments"));
            Assert.That(summary.Meta.GetProperty("caused_by").GetProperty("email").GetString(), Is.EqualTo("grace@example.org"));
        });
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Histories().Length == 150), "each environment has it in its history");
        Assert.That(Histories().All(one => one.Meta.GetProperty("policy").GetProperty("name").GetString() == "names"));
    }

    [Test]
    public async Task Few_are_told_one_by_one_alone()
    {
        await EnvironmentsAsync(Policy.Decisions.DecisionRun.Many - 1);
        await _facts.PolicyAsync("names", "name: many-*", "then: warn");
        await UntilHeardAsync(Policy.Decisions.DecisionRun.Many - 1);
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.ScalarAsync<long>("select count(*) from outbox where body like '%policy_statuses_changed%'"), Is.Zero);
        Assert.That(_platform.Audited.Any(one => one.ActionKey == "policy_statuses_changed"), Is.False);
    }

    [Test]
    public async Task A_run_that_fails_in_the_middle_is_done_again_and_tells_nothing_twice()
    {
        await EnvironmentsAsync(200);
        await _facts.ExecuteAsync("create table fault (environment_id uuid)");
        await _facts.ExecuteAsync(
            """
            create function fail() returns trigger language plpgsql security definer as $$ begin
                if exists (select 1 from fault f where f.environment_id = new.environment_id) then raise exception 'made to fail'; end if;
                return new;
            end $$
            """);
        await _facts.ExecuteAsync("create trigger fail before insert on environment_decisions for each row execute function fail()");
        await _facts.ExecuteAsync("insert into fault select environment_id from environment_status where name = 'many-121'");
        await _facts.PolicyAsync("names", "name: many-*", "then: warn");
        await Eventually.BecomesTrueAsync(
            async () => await _facts.ScalarAsync<long>("select count(*) from environment_decisions") is >= AtOnce and < 200,
            "a part is written, and the rest fails");
        Assert.That(await _facts.ScalarAsync<long>("select count(*) from stale_decisions"), Is.EqualTo(1), "what is left stays marked");
        await _facts.ExecuteAsync("delete from fault");
        await UntilHeardAsync(200);
        Assert.That((await SummariesAsync(1)).Single().Meta.GetProperty("environments").GetInt32(), Is.EqualTo(200));
    }

    [Test]
    public async Task An_instance_that_stops_in_the_middle_leaves_the_rest_to_the_other()
    {
        await EnvironmentsAsync(1_000);
        await _facts.PolicyAsync("names", "name: many-*", "then: warn");
        await Eventually.BecomesTrueAsync(
            async () => await _facts.ScalarAsync<long>("select count(*) from environment_decisions") >= AtOnce, "it has begun");
        // Whichever of the two decides: both are stopped while they do, and the first is there again.
        await _platform.Instances[1].DisposeAsync();
        await UntilHeardAsync(1_000);
        Assert.That(await _facts.ScalarAsync<long>("select count(*) from environment_decisions where status = 'warn'"), Is.EqualTo(1_000));
        Assert.That((await SummariesAsync(1)).Single().Meta.GetProperty("environments").GetInt32(), Is.EqualTo(1_000));
    }

    [Test]
    public async Task Two_instances_never_decide_the_same_at_once()
    {
        var environments = await EnvironmentsAsync(60);
        var policy = await _facts.PolicyAsync("names", "name: many-*", "then: warn");
        await UntilHeardAsync(60);
        for (var i = 0; i < 20; i++)
        {
            await Task.WhenAll(_facts.MarkPolicyAsync(policy), _facts.MarkEnvironmentAsync(environments[i]));
        }

        await _facts.DisableAsync(policy);
        await _facts.UntilDecidedAsync();
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_platform.Changed.Count(change => change.Status == EnvironmentStatus.Ok) == 60), "all are let go");
        Assert.That(
            _platform.Changed.GroupBy(change => change.EnvironmentId).All(
                same => same.Select(change => change.Version).Order().SequenceEqual([1L, 2L])), Is.True, "each change is told once");
    }

    private async Task<List<Guid>> EnvironmentsAsync(int count)
    {
        await _facts.ExecuteAsync(
            """
            insert into environment_status (org_id, environment_id, machine_id, prefix, name, owner, environment_version, placed_at,
                platform, logged_at)
            select $1, gen_random_uuid(), gen_random_uuid(), '/envs/' || n, 'many-' || n, gen_random_uuid(), 1, now(), 'linux-64', now()
            from generate_series(1, $2) n
            """, _platform.Organization.Id.Value, count);
        var ids = new List<Guid>();
        await using var command = _platform.Db.CreateCommand("select environment_id from environment_status order by environment_id");
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            ids.Add(rows.GetGuid(0));
        }

        return ids;
    }

    private AuditEventOccurred[] Histories() =>
        [.. _platform.Audited.Where(one => one.ActionKey == "environment_status_changed").DistinctBy(one => one.EventId)];

    /// <summary>Every environment is said to have changed, each once.</summary>
    private async Task UntilHeardAsync(int count)
    {
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_platform.Changed.DistinctBy(change => change.EnvironmentId).Count() == count), "all are heard of", 60);
        await Eventually.BecomesTrueAsync(
            async () => await _facts.ScalarAsync<long>("select (select count(*) from status_changes) + (select count(*) from outbox)") == 0,
            "all is told", 60);
        // An outbox that stops may send a message again; its consumers know it by its version.
        Assert.That(_platform.Changed.Distinct().Count(), Is.EqualTo(count), "nothing is told twice");
        Assert.That(_platform.Changed.All(change => change.Version == 1), Is.True);
    }

    private async Task<AuditEventOccurred[]> SummariesAsync(int count)
    {
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Summaries().Length >= count), "the summary is told", 40);
        return Summaries();

        AuditEventOccurred[] Summaries() => [.. _platform.Audited.Where(one => one.ActionKey == "policy_statuses_changed")];
    }
}
