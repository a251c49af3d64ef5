using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Environments;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>One folder is one environment, however its path is written.</summary>
public sealed class PlaceTests : IngestFixture
{
    [TestCase("win-64", @"C:\envs\Blk", @"c:/envs/blk/", "blk")]
    [TestCase("osx-arm64", "/Users/bob/envs/b\u00FCcher", "/users/Bob/envs/BU\u0308CHER/", "BU\u0308CHER")]
    [TestCase("linux-64", "/home/bob/envs/blk", "/home/bob//envs/./blk/", "blk")]
    public async Task Another_spelling_is_no_other_environment_and_no_rename(string platform, string typed, string again, string nameAgain)
    {
        var machine = await RegisterMachineAsync(Bob);
        var first = await LoggedAsync(Bob, At(machine, platform, typed, typed.Split('/', '\\')[^1], "1.0"));
        var unchanged = await LoggedAsync(Bob, At(machine, platform, again, nameAgain, "1.0"));
        var changed = await LoggedAsync(Bob, At(machine, platform, again, nameAgain, "2.0"));

        var id = first.GetProperty("environment_id").GetString()!;
        var shown = await GetAsync(Bob, $"environments/{id}");
        Assert.Multiple(() =>
        {
            Assert.That(unchanged.GetProperty("environment_id").GetString(), Is.EqualTo(id));
            Assert.That(unchanged.GetProperty("changed").GetBoolean(), Is.False);
            Assert.That(changed.GetProperty("environment_id").GetString(), Is.EqualTo(id));
            Assert.That(changed.GetProperty("changed").GetBoolean(), Is.True);
            Assert.That(shown.GetProperty("prefix").GetString(), Is.EqualTo(typed), "as it was written first");
        });
        await OutboxDrainsAsync();
        Assert.That(Events.Heard<EnvironmentRenamed>().Where(renamed => renamed.EnvironmentId.ToString() == id), Is.Empty);
    }

    [Test]
    public async Task Case_makes_two_environments_on_Linux()
    {
        var machine = await RegisterMachineAsync(Bob);
        var lower = await LoggedAsync(Bob, At(machine, "linux-64", "/envs/a", "a", "1.0"));
        var upper = await LoggedAsync(Bob, At(machine, "linux-64", "/envs/A", "A", "1.0"));
        Assert.That(upper.GetProperty("environment_id").GetString(), Is.Not.EqualTo(lower.GetProperty("environment_id").GetString()));
    }

    /// <summary>Another platform in the log does not make another environment of a folder.</summary>
    [Test]
    public async Task A_platform_that_changes_does_not_change_which_environment_it_is()
    {
        var machine = await RegisterMachineAsync(Bob);
        var first = await LoggedAsync(Bob, At(machine, "linux-64", "/envs/p", "p", "1.0"));
        var other = await LoggedAsync(Bob, At(machine, "osx-64", "/envs/p", "p", "1.0"));
        Assert.That(other.GetProperty("environment_id").GetString(), Is.EqualTo(first.GetProperty("environment_id").GetString()));
    }

    /// <summary>An agent that now resolves links tells the path under which the environment was logged before.</summary>
    [Test]
    public async Task The_path_of_a_link_leads_to_the_environment_that_was_logged_under_it()
    {
        var machine = await RegisterMachineAsync(Bob);
        var linked = await LoggedAsync(Bob, At(machine, "linux-64", "/home/bob/envs/l", "l", "1.0"));
        var body = At(machine, "linux-64", "/gpfs/home/bob/envs/l", "l", "1.0");
        body["previous_prefix"] = "/home/bob/envs/l/";
        var resolved = await LoggedAsync(Bob, body);
        Assert.That(resolved.GetProperty("environment_id").GetString(), Is.EqualTo(linked.GetProperty("environment_id").GetString()));
        Assert.That((await LoggedAsync(Bob, body.DeepClone())).GetProperty("changed").GetBoolean(), Is.False);
    }

    /// <summary>Environments of before there were places, two of them one folder: the one logged last stays, with everything.</summary>
    [Test]
    public async Task Environments_of_before_are_merged_where_they_are_one_folder()
    {
        var machine = await RegisterMachineAsync(Bob);
        var older = await LoggedAsync(Bob, At(machine, "win-64", @"C:\envs\m", "m", "1.0"));
        var other = await LoggedAsync(Bob, At(machine, "win-64", @"C:\envs\other", "other", "1.0"));
        await Db.ExecuteAsync(
            "update environments set prefix = 'c:/envs/M/', name = 'M', updated_at = updated_at + interval '1 hour' "
            + $"where environment_id = '{other.GetProperty("environment_id").GetString()}'");
        await Db.ExecuteAsync($"update environments set place = null where machine_id = '{machine}'");
        var archived = older.GetProperty("environment_id").GetString()!;
        await Db.ExecuteAsync($"update environments set archived = true where environment_id = '{archived}'");

        await Service.Services.GetRequiredService<MergePlaces>().RunAsync(default);

        var listed = await GetAllAsync(Bob, $"environments?search={Uri.EscapeDataString("envs/M")}&archived=false", 50);
        var stays = other.GetProperty("environment_id").GetString()!;
        Assert.That(listed.Select(row => row.GetProperty("id").GetString()), Does.Contain(stays));
        using var gone = await SendAsync(HttpMethod.Get, Bob, $"environments/{older.GetProperty("environment_id").GetString()}");
        Assert.That((int)gone.StatusCode, Is.EqualTo(404));
        var removed = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentMerged>().FirstOrDefault(merged => merged.Into.ToString() == stays)),
            "EnvironmentMerged");
        Assert.That(removed.EnvironmentId.ToString(), Is.EqualTo(older.GetProperty("environment_id").GetString()));
        await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentRemoved>().FirstOrDefault(e => e.EnvironmentId == removed.EnvironmentId)),
            "EnvironmentRemoved");
        await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().FirstOrDefault(
                e => e.ActionKey == "environment_merged" && e.Target.Id == removed.EnvironmentId.ToString())),
            "the audit event");

        var again = await LoggedAsync(Bob, At(machine, "win-64", @"C:\ENVS\m", "m", "1.0"));
        Assert.That(again.GetProperty("environment_id").GetString(), Is.EqualTo(stays));
    }

    private JsonObject At(MachineId machine, string platform, string prefix, string name, string version)
    {
        var body = Body([Conda("zlib", version)], prefix, machine, name: name);
        body["platform"] = platform;
        return body;
    }
}
