using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Policy.Tests;

/// <summary>A block holds however the path of the environment is written.</summary>
public sealed class PlaceIdentityTests
{
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [TestCase("win-64", @"C:\envs\blk", @"c:\ENVS\Blk|C:/envs/blk|C:\envs\blk\|\\?\C:\envs\blk|C:\envs\x\..\blk")]
    [TestCase("osx-arm64", "/Users/ann/b\u00FC", "/users/ann/bu\u0308|/USERS/ann/B\u00DC/|/Users//ann/./b\u00FC")]
    [TestCase("linux-64", "/home/ann/blk", "/home/ann/blk/|//home/ann//blk|/home/ann/x/../blk")]
    public async Task Every_spelling_is_blocked_at_once(string platform, string prefix, string spellings)
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment(prefix) with { Platform = platform });
        foreach (var spelling in spellings.Split('|').Append(prefix))
        {
            // Each answer is in memory and in Redis when the status changes.
            Assert.That(await StatusAsync(environment, spelling), Is.EqualTo("ok"), spelling);
        }

        using var _ = await _platform.SetAsync(environment, new { status = "block", message = "No." });
        foreach (var spelling in spellings.Split('|').Append(prefix))
        {
            Assert.That(await StatusAsync(environment, spelling), Is.EqualTo("block"), spelling);
        }
    }

    [Test]
    public async Task On_Linux_a_folder_that_differs_by_case_is_another_one()
    {
        var blocked = await _platform.LogAsync(_platform.NewEnvironment("/home/ann/envs/X"));
        using var _ = await _platform.SetAsync(blocked, new { status = "block" });
        Assert.That(await StatusAsync(blocked, "/home/ann/envs/x"), Is.EqualTo("unknown"));
        var other = await _platform.LogAsync(_platform.NewEnvironment("/home/ann/envs/x") with { MachineId = blocked.MachineId });
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(other) == "ok", "the other folder is known");
        for (var i = 0; i < 3; i++)
        {
            // They share a key in Redis, and still each has its own answer.
            Assert.That(await StatusAsync(blocked, "/home/ann/envs/X"), Is.EqualTo("block"));
            Assert.That(await StatusAsync(blocked, "/home/ann/envs/x"), Is.EqualTo("ok"));
        }
    }

    /// <summary>Rows of before there were folded prefixes are found by the prefix as written, and by every spelling once folded.</summary>
    [Test]
    public async Task Environments_of_before_are_found_by_every_spelling()
    {
        var environment = await _platform.LogAsync(_platform.NewEnvironment(@"D:\envs\old") with { Platform = "win-64" });
        using var _ = await _platform.SetAsync(environment, new { status = "block" });
        await using (var command = _platform.Db.CreateCommand(
            $"update environment_status set folded = null, platform = null where environment_id = '{environment.EnvironmentId}'"))
        {
            await command.ExecuteNonQueryAsync();
        }

        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("block"));
        await _platform.Instances[0].Services.GetRequiredService<FoldPlaces>().RunAsync(default);
        Assert.That(await StatusAsync(environment, "d:/ENVS/old"), Is.EqualTo("block"));
    }

    [TestCase("block", "warn", "block")]
    [TestCase("ok", "warn", "warn")]
    [TestCase("warn", "block", "block")]
    public async Task Of_environments_that_are_merged_the_stricter_status_counts(string goes, string stays, string expected)
    {
        var removed = await _platform.LogAsync();
        var kept = await _platform.LogAsync();
        using var first = await _platform.SetAsync(removed, new { status = goes, message = "of the one that goes" });
        using var second = await _platform.SetAsync(kept, new { status = stays, message = "of the one that stays" });
        var now = DateTimeOffset.UtcNow;
        await _platform.PublishAsync(new EnvironmentRemoved(removed.OrganizationId, removed.EnvironmentId, 2, now));
        await _platform.UntilVersionAsync(removed.EnvironmentId, 2);
        await _platform.PublishAsync(new EnvironmentMerged(removed.OrganizationId, removed.EnvironmentId, kept.EnvironmentId, now));
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<long>("select count(*) from inbox where consumer = 'MergeEnvironments'") > 0
                && await _platform.StatusAsync(kept) == expected, $"{goes} into {stays} is {expected}");
        if (goes == "block")
        {
            await Eventually.BecomesTrueAsync(
                () => Task.FromResult(_platform.Audited.Any(
                    audited => audited.ActionKey == "environment_status_changed" && audited.Target.Id == kept.EnvironmentId.ToString()
                        && audited.Actor.Type == "system")), "it is in the audit log");
        }
    }

    private async Task<string> StatusAsync(EnvironmentLogged environment, string prefix) =>
        (await _platform.CheckAsync(_platform.Member(), environment.MachineId, prefix)).GetProperty("status").GetString()!;
}
