using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests;

public sealed class EraseOrganizationTests : IngestFixture
{
    [Test]
    public async Task Nothing_of_an_erased_organization_is_left_and_everything_of_the_others()
    {
        var (erased, kept) = (OrgOf(Bob), OrgOf(Mallory));
        foreach (var (person, machine) in new[] { (Bob, BobsMachine), (Mallory, await RegisterMachineAsync(Mallory)) })
        {
            await LoggedAsync(person, Body([Conda("zlib", "1.2") with { License = "Zlib" }, Pypi("requests", "2.0")], machine: machine));
            await LoggedAsync(person, Body([Conda("zlib", "1.3")], machine: machine));
        }

        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>("select count(*) from channel_marks") == 0, "the channels are counted", 60);
        await OutboxDrainsAsync();
        var before = await Db.RowsOfAsync(kept);
        Assert.That(
            (await Db.RowsOfAsync(erased)).Keys,
            Is.SupersetOf(new[]
            {
                "environments", "environment_logs", "machines", "owners", "organization_packages", "organization_channels",
                "channel_counts",
            }));

        await PublishTwiceAsync(new OrganizationErased(erased, DateTimeOffset.UtcNow));
        await Eventually.BecomesTrueAsync(async () => (await Db.RowsOfAsync(erased)).Count == 0, "it is erased");
        Assert.That(await Db.RowsOfAsync(kept), Is.EqualTo(before));
    }
}
