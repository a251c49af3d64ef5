using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Directories;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Tests.Directories;

/// <summary>How far a copy is, page by page. Identity is away: nobody else reads.</summary>
public sealed class DirectoryCopyTests
{
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Of_two_who_read_the_same_page_one_stores_it()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        await using (var first = await _platform.Db.BeginAsync(default))
        {
            await first.ExecuteAsync("insert into directories (org_id) values (@organization)", new { organization });
            await first.CommitAsync();
        }

        var copy = (await DirectoryCopy.FindAsync(_platform.Db, organization, default))!;
        var page = new ListDirectoryChangesReply { Horizon = 100, Next = "group/x/y", Items = { Group("one") } };
        Assert.That(await StoreAsync(copy, page), Is.True);
        Assert.That(await StoreAsync(copy, new() { Horizon = 90, Items = { Group("older") } }), Is.False);
        copy = (await DirectoryCopy.FindAsync(_platform.Db, organization, default))!;
        Assert.That((copy.Horizon, copy.ReadTo, copy.IsCurrent, copy.IsKnown), Is.EqualTo((100L, "group/x/y", false, false)));

        // The round ends at the horizon of its first page, whatever is running when the last one is read.
        Assert.That(await StoreAsync(copy, new() { Horizon = 200, Items = { Group("two") } }), Is.True);
        copy = (await DirectoryCopy.FindAsync(_platform.Db, organization, default))!;
        Assert.That(
            (copy.Since, copy.Horizon, copy.ReadTo, copy.IsCurrent, copy.IsKnown),
            Is.EqualTo((100L, (long?)null, (string?)null, true, true)));
        Assert.That(
            await _platform.ScalarAsync<string>(
                "select string_agg(name, ' ' order by name) from groups where org_id = $1", organization.Value), Is.EqualTo("one two"));

        async Task<bool> StoreAsync(DirectoryCopy from, ListDirectoryChangesReply reply)
        {
            await using var tx = await _platform.Db.BeginAsync(default);
            var stored = await from.StoreAsync(tx, reply, DateTimeOffset.UtcNow);
            if (stored)
            {
                await tx.CommitAsync();
            }

            return stored;
        }

        static DirectoryItem Group(string name) => new() { Group = new() { GroupId = $"{Guid.CreateVersion7()}", Name = name } };
    }

    [Test]
    public async Task An_Identity_that_was_restored_is_read_from_the_beginning()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        await using (var tx = await _platform.Db.BeginAsync(default))
        {
            await tx.ExecuteAsync(
                "insert into directories (org_id, since, horizon, read_to) values (@organization, 500, 600, 'group/x/y')",
                new { organization });
            await tx.CommitAsync();
        }

        var copy = (await DirectoryCopy.FindAsync(_platform.Db, organization, default))!;
        await using (var tx = await _platform.Db.BeginAsync(default))
        {
            Assert.That(await copy.StoreAsync(tx, new() { Restart = true, Horizon = 40 }, DateTimeOffset.UtcNow), Is.True);
            await tx.CommitAsync();
        }

        copy = (await DirectoryCopy.FindAsync(_platform.Db, organization, default))!;
        Assert.That((copy.Since, copy.Horizon, copy.ReadTo, copy.IsCurrent), Is.EqualTo((0L, (long?)null, (string?)null, false)));
    }
}
