using System.Net;
using System.Text.Json;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Environments;
using EnvPlatform.Ingest.Packages;

using FsCheck;
using FsCheck.Fluent;

namespace EnvPlatform.Ingest.Tests.Environments;

public sealed class HistoryTests : IngestFixture
{
    /// <summary>Small sets over few names, so that every kind of change occurs, including two versions of one package at once.</summary>
    private static Arbitrary<PackageKey[]> Sets()
    {
        var key = from name in Gen.Choose(0, 6)
                  from version in Gen.Choose(0, 2)
                  from manager in Gen.Choose(0, 1)
                  select new PackageKey(manager == 0 ? "conda" : "pypi", "", "", $"n{name}", $"{version}", "");
        return Arb.From(Gen.ArrayOf(key).Select(keys => keys.Distinct().ToArray()));
    }

    [FsCheck.NUnit.Property(MaxTest = 500)]
    public Property What_was_added_removed_and_changed_leads_from_one_set_to_the_other() =>
        Prop.ForAll(Sets(), Sets(), (before, after) =>
        {
            var changes = PackageChanges.Between(before.Except(after), after.Except(before));
            var replayed = Replay(
                [.. before], changes.Removed, changes.Added, [.. changes.Changed.Select(change => (change.From, change.To))]);
            var names = changes.Added.Select(Name).Intersect(changes.Removed.Select(Name));
            return replayed.SetEquals(after) && !names.Any() && changes.Changed.All(change => Name(change.From) == Name(change.To));
        });

    [Test]
    public async Task The_history_of_random_logs_replays_to_the_packages_of_now([Values(1, 2, 3)] int seed, [Values(100, 3)] int limit)
    {
        var random = new Random(seed);
        var prefix = $"/history/{seed}/{limit}";
        var packages = new List<PackageEntry>();
        var id = "";
        var logs = 0;
        string? digest = null;
        for (var i = 0; i < 14; i++)
        {
            for (var j = random.Next(6); j > 0; j--)
            {
                Step(random, packages);
            }

            var distinct = packages.DistinctBy(KeyOf).ToArray();
            id = (await LoggedAsync(Bob, Body(distinct, prefix, command: $"step {i}"))).GetProperty("environment_id").GetString()!;
            logs += digest == DigestOf(distinct) ? 0 : 1;
            digest = DigestOf(distinct);
        }

        var history = await GetAllAsync(Bob, $"environments/{id}/history?sort=logged_at", limit);
        var newestFirst = await GetAllAsync(Bob, $"environments/{id}/history", limit);
        var replayed = new HashSet<PackageKey>();
        foreach (var log in history)
        {
            replayed = Replay(
                replayed, Keys(log, "removed"), Keys(log, "added"),
                [.. log.GetProperty("changed").EnumerateArray()
                    .Select(change => (Key(change.GetProperty("from")), Key(change.GetProperty("to"))))]);
            Assert.That(
                PackageSetDigest.Compute(replayed), Is.EqualTo(log.GetProperty("digest").GetString()), "the packages after each log");
        }

        Assert.Multiple(() =>
        {
            Assert.That(history, Has.Count.EqualTo(logs));
            Assert.That(newestFirst.Select(log => log.ToString()), Is.EqualTo(Enumerable.Reverse(history).Select(log => log.ToString())));
            Assert.That(replayed, Is.EquivalentTo(packages.Select(KeyOf).Distinct()));
        });
    }

    [Test]
    public async Task A_log_says_what_changed_by_which_command_and_who_did_it()
    {
        await LoggedAsync(Bob, Body([Conda("a", "1"), Conda("b", "1"), Conda("c", "1")], "/told", command: "conda create"));
        var logged = await LoggedAsync(
            Bob, Body([Conda("a", "2"), Conda("b", "1"), Pypi("d", "1")], "/told", command: "conda install a=2"));
        var history = await GetAsync(Bob, $"environments/{logged.GetProperty("environment_id").GetString()}/history?limit=1");
        var log = history.GetProperty("items")[0];
        Assert.Multiple(() =>
        {
            Assert.That(history.GetProperty("total_count").GetInt32(), Is.EqualTo(2));
            Assert.That(log.GetProperty("command").GetString(), Is.EqualTo("conda install a=2"));
            Assert.That(log.GetProperty("user").GetProperty("email").GetString(), Is.EqualTo("bob@example.org"));
            Assert.That(log.GetProperty("packages").GetInt32(), Is.EqualTo(3));
            Assert.That(Keys(log, "added"), Is.EqualTo(new[] { KeyOf(Pypi("d", "1")) }));
            Assert.That(Keys(log, "removed"), Is.EqualTo(new[] { KeyOf(Conda("c", "1")) }));
            Assert.That(Key(log.GetProperty("changed")[0].GetProperty("from")), Is.EqualTo(KeyOf(Conda("a", "1"))));
            Assert.That(Key(log.GetProperty("changed")[0].GetProperty("to")), Is.EqualTo(KeyOf(Conda("a", "2"))));
        });
    }

    [Test]
    public async Task Logs_of_large_sets_fill_a_page_sooner_and_none_is_left_out()
    {
        var id = "";
        for (var i = 0; i < 4; i++)
        {
            id = (await LoggedAsync(Bob, Body([.. Enumerable.Range(0, 15_000).Select(j => Pypi($"large{j}", $"{i}"))], "/large")))
                .GetProperty("environment_id").GetString()!;
        }

        var page = await GetAsync(Bob, $"environments/{id}/history?limit=10");
        Assert.That(page.GetProperty("items").GetArrayLength(), Is.LessThan(4));
        Assert.That(await GetAllAsync(Bob, $"environments/{id}/history", 10), Has.Count.EqualTo(4));
    }

    [Test]
    public async Task Only_the_logs_that_are_shown_are_compared()
    {
        PackageEntry[] first = [.. Enumerable.Range(0, 40_000).Select(i => Pypi($"first{i}", "1"))];
        PackageEntry[] second = [.. Enumerable.Range(0, 40_000).Select(i => Pypi($"second{i}", "1"))];
        await LoggedAsync(Bob, Body(first, "/compared"));
        await LoggedAsync(Bob, Body(second, "/compared"));
        var id = (await LoggedAsync(Bob, Body([.. second, Pypi("one-more", "1")], "/compared"))).GetProperty("environment_id").GetString();
        await GetAsync(Bob, $"environments/{id}/history?limit=1");
        await OutboxDrainsAsync();

        // The log below the page differs in 80,000 packages from the one before it, which are 320,000 bytes as numbers alone.
        const int times = 20;
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < times; i++)
        {
            var page = await GetAsync(Bob, $"environments/{id}/history?limit=1");
            Assert.That(page.GetProperty("items")[0].GetProperty("added").GetArrayLength(), Is.EqualTo(1));
        }

        Assert.That((GC.GetTotalAllocatedBytes(precise: true) - before) / times, Is.LessThan(300_000));
    }

    [Test]
    public async Task The_logs_lie_in_the_partition_of_their_month()
    {
        await LoggedAsync(Bob, Body([Conda("month", "1")], "/month"));
        Assert.That(await ScalarAsync<long>("select count(*) from environment_logs_rest"), Is.Zero);
    }

    [Test]
    public async Task The_history_is_for_the_owner_and_administrators()
    {
        var id = (await LoggedAsync(Bob, Body([Conda("mine", "1")], "/mine"))).GetProperty("environment_id").GetString();
        foreach (var part in new[] { "", "/history", "/packages" })
        {
            using var other = await SendAsync(HttpMethod.Get, Eve, $"environments/{id}{part}");
            using var outsider = await SendAsync(HttpMethod.Get, Mallory, $"environments/{id}{part}");
            using var administrator = await SendAsync(HttpMethod.Get, Ada, $"environments/{id}{part}");
            Assert.That(
                (other.StatusCode, outsider.StatusCode, administrator.StatusCode),
                Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.OK)), part);
        }
    }

    private static void Step(Random random, List<PackageEntry> packages)
    {
        if (packages.Count > 0 && random.Next(3) == 0)
        {
            packages.RemoveAt(random.Next(packages.Count));
        }
        else if (random.Next(4) == 0)
        {
            packages.Add(Pypi($"n{random.Next(8)}", $"{random.Next(4)}"));
        }
        else
        {
            packages.Add(Conda($"n{random.Next(8)}", $"{random.Next(4)}", $"b{random.Next(2)}"));
        }
    }

    private static HashSet<PackageKey> Replay(
        HashSet<PackageKey> set, IReadOnlyList<PackageKey> removed, IReadOnlyList<PackageKey> added,
        IReadOnlyList<(PackageKey From, PackageKey To)> changed)
    {
        var goes = removed.Concat(changed.Select(change => change.From)).ToArray();
        var comes = added.Concat(changed.Select(change => change.To)).ToArray();
        Assert.That(goes, Is.SubsetOf(set), "only what was there can go");
        Assert.That(comes.Intersect(set), Is.Empty, "only what was not there can come");
        return [.. set.Except(goes), .. comes];
    }

    private static PackageKey[] Keys(JsonElement log, string member) => [.. log.GetProperty(member).EnumerateArray().Select(Key)];

    private static PackageKey Key(JsonElement package) => package.Deserialize<PackageKey>(EnvPlatform.ServiceDefaults.Json.Options);

    private static (string, string) Name(PackageKey key) => (key.Manager, key.Name);
}
