using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

public sealed class EraseOrganizationTests : CurationFixture
{
    [Test]
    public async Task Nothing_of_an_erased_organization_is_left_and_everything_of_the_others()
    {
        await ImportAsync(File(
            Record("PYSEC-2026-7001", "erasedlib", null, null, ["CVE-2026-70001"], High),
            Record("PYSEC-2026-7002", "erasedlib", null, null, ["CVE-2026-70002"], High)));
        var environment = await LogAsync(Bob, Machine, "/opt/erased", PyPi("erasedlib", "1.0"));
        await ScannedAsync(environment);
        await CurateAsync("CVE-2026-70001", "cleared");
        await CountsBecomeAsync(environment, 1, 7.5m);
        var others = await LogAsync(Mallory, await RegisterMachineAsync(Mallory), "/opt/kept", PyPi("erasedlib", "1.0"));
        await ScannedAsync(others);
        var before = await Db.RowsOfAsync(Mallory.Memberships[0].Id);
        Assert.That(
            (await Db.RowsOfAsync(Organization.Id)).Keys,
            Is.EquivalentTo(new[] { "environments", "curations", "organization_set_counts", "set_environments" }));

        await PublishAsync(IngestDb, new OrganizationErased(Organization.Id, DateTimeOffset.UtcNow));
        await Eventually.BecomesTrueAsync(async () => (await Db.RowsOfAsync(Organization.Id)).Count == 0, "it is erased");
        Assert.That(await Db.RowsOfAsync(Mallory.Memberships[0].Id), Is.EqualTo(before));
    }
}
