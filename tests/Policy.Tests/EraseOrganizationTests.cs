using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests;

public sealed class EraseOrganizationTests
{
    [Test]
    public async Task Nothing_of_an_erased_organization_is_left_and_everything_of_the_others()
    {
        await using var platform = await PolicyPlatform.StartAsync();
        var erased = platform.Organization.Id;
        var kept = new OrganizationId(Guid.CreateVersion7());
        var environment = await platform.LogAsync();
        await platform.LogAsync(platform.NewEnvironment() with { OrganizationId = kept });
        using var _ = await platform.SetAsync(environment, new { status = "block" });
        Assert.That(await platform.StatusAsync(environment), Is.EqualTo("block"));
        var scanned = new ScannedSet(
            1, [environment.EnvironmentId], new VulnerabilityCounts(1, 1, 0, 0, 0, 0), 9.8m, 0, 0, DateTimeOffset.UtcNow);
        await platform.PublishAsync(new EnvironmentScanned(erased, [scanned]));
        await Eventually.BecomesTrueAsync(
            async () => (await platform.Db.RowsOfAsync(erased)).Count == 4, "every table has rows of it");
        var before = await platform.Db.RowsOfAsync(kept);

        await platform.PublishAsync(new OrganizationErased(erased, DateTimeOffset.UtcNow));
        await Eventually.BecomesTrueAsync(async () => (await platform.Db.RowsOfAsync(erased)).Count == 0, "it is erased");
        Assert.That(await platform.Db.RowsOfAsync(kept), Is.EqualTo(before));
    }
}
