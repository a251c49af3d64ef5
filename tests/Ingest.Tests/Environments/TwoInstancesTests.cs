using System.Collections.Concurrent;
using System.Net;

using EnvPlatform.Contracts.Events;

namespace EnvPlatform.Ingest.Tests.Environments;

public sealed class TwoInstancesTests : IngestFixture
{
    [Test]
    public async Task Two_instances_that_log_the_same_new_packages_and_environments_agree()
    {
        await using var other = await StartAnotherAsync();
        var random = new Random(11);
        // Sets that overlap, their packages in any order, each environment logged by several workers at once through both instances.
        var sets = Enumerable.Range(0, 30)
            .Select(i => Enumerable.Range(0, 120).Select(j => Conda($"shared{(i * 7 + j) % 240}", "1")).ToArray()).ToArray();
        var work = Enumerable.Range(0, 240).Select(i => (Prefix: $"/two/{i % 60}",
            Set: sets[i % 60 % sets.Length].OrderBy(_ => random.Next()).ToArray(), Through: i % 2 == 0 ? Service : other))
            .OrderBy(_ => random.Next()).ToArray();
        var created = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(work, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (item, ct) =>
        {
            using var response = await LogAsync(Bob, Body(item.Set, item.Prefix), item.Through);
            Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), await response.Content.ReadAsStringAsync(ct));
            if (response.StatusCode == HttpStatusCode.Created)
            {
                created.Add(item.Prefix);
            }
        });
        Assert.Multiple(() =>
        {
            Assert.That(created, Is.Unique);
            Assert.That(created, Has.Count.EqualTo(60));
        });
        Assert.That(await ScalarAsync<long>("select count(*) from packages where name like 'shared%'"), Is.EqualTo(240));
        Assert.That(await ScalarAsync<long>("select count(*) from package_sets where package_count = 120"), Is.EqualTo(30));
        Assert.That(
            await ScalarAsync<long>(
                "select count(*) from environment_logs join environments using (org_id, environment_id) where prefix like '/two/%'"),
            Is.EqualTo(60));
        Assert.That(
            await ScalarAsync<long>(
                """
                select count(*) from package_sets
                where package_ids <> (select array_agg(distinct id order by id) from unnest(package_ids) id)
                """),
            Is.Zero, "sets are ascending, without repeats");
        await OutboxDrainsAsync();
        Assert.That(
            Events.Heard<EnvironmentLogged>().Where(e => e.Prefix.StartsWith("/two/", StringComparison.Ordinal))
                .Select(e => e.EnvironmentId).Distinct().Count(),
            Is.EqualTo(60));
    }

    [Test]
    public async Task Environments_that_change_back_and_forth_on_two_instances_end_in_one_of_the_states()
    {
        await using var other = await StartAnotherAsync();
        var sets = Enumerable.Range(0, 6).Select(i => new[] { Conda("common", "1"), Conda($"flip{i}", "1") }).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, ct) =>
        {
            using var response = await LogAsync(Bob, Body(sets[i * 5 % 6], $"/flip/{i % 4}"), i % 2 == 0 ? Service : other);
            Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), await response.Content.ReadAsStringAsync(ct));
        });
        Assert.That(await ScalarAsync<long>("select count(*) from environments where prefix like '/flip/%'"), Is.EqualTo(4));
        // Each log follows from the previous one, and the last one is the current state.
        Assert.That(
            await ScalarAsync<long>(
                """
                select count(*) from (
                    select l.*, lag(l.package_set_id) over history as before, lag(l.version) over history as version_before
                    from environment_logs l join environments using (org_id, environment_id) where prefix like '/flip/%'
                    window history as (partition by environment_id order by l.version)) logs
                where previous_package_set_id is distinct from before or version <> coalesce(version_before, 0) + 1
                """),
            Is.Zero);
        Assert.That(
            await ScalarAsync<long>(
                """
                select count(*) from environments e
                where prefix like '/flip/%' and (version, package_set_id) <> (
                    select l.version, l.package_set_id from environment_logs l where l.environment_id = e.environment_id
                    order by l.version desc limit 1)
                """),
            Is.Zero);
    }
}
