using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Ingest.Packages;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// An advisory about a library inside a wheel does not affect conda's build where the environment holds conda's package of the library:
/// everywhere the same, and for each organization until it says otherwise.
/// </summary>
public sealed class BundledLibraryTests : BundledLibraryFixture
{
    [Test]
    public async Task A_scan_of_a_list_agrees()
    {
        var scanned = await ScanAsync(Ada, Cryptography, OpenSsl, PyPi("cryptography", "45.0.4"));
        var byManager = scanned.GetProperty("packages").EnumerateArray().Where(one => one.GetProperty("name").GetString() == "cryptography")
            .ToDictionary(
                one => one.GetProperty("manager").GetString()!,
                one => one.GetProperty("vulnerabilities").EnumerateArray().Single(found => Id(found) == InWheel), StringComparer.Ordinal);
        var alone = await ScanAsync(Ada, Cryptography, OpenSsl);
        var unprovided = await ScanAsync(Ada, Cryptography);
        Assert.Multiple(() =>
        {
            Assert.That(byManager["conda"].GetProperty("status").GetString(), Is.EqualTo("not_affected"));
            Assert.That(byManager["conda"].GetProperty("platform_curation").GetProperty("library").GetString(), Is.EqualTo("OpenSSL"));
            Assert.That(byManager["pypi"].GetProperty("status").GetString(), Is.EqualTo("reported"));
            Assert.That(byManager["pypi"].TryGetProperty("platform_curation", out _), Is.False);
            Assert.That(alone.GetProperty("summary").GetProperty("critical").GetInt32(), Is.Zero);
            Assert.That(alone.GetProperty("summary").GetProperty("total").GetInt32(), Is.EqualTo(1));
            Assert.That(unprovided.GetProperty("summary").GetProperty("critical").GetInt32(), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task An_organization_overrides_it_for_itself_alone()
    {
        PackageEntry[] packages = [Cryptography with { Version = "45.0.3" }, OpenSsl];
        var ours = await LogAsync(Bob, Machine, "/opt/override", packages);
        var theirs = await LogAsync(Mallory, await RegisterMachineAsync(Mallory), "/opt/override", packages);
        await ScannedAsync(theirs);
        await CountsBecomeAsync(ours, 1, 5.3m);

        await CurateAsync(InWheel, "active", "cryptography", "45.0.3");
        await CountsBecomeAsync(ours, 2, 9.8m);
        var item = (await GetAllAsync(Ada, $"environments/{ours}/vulnerabilities", 10)).Single(one => Id(one) == InWheel);
        Assert.Multiple(async () =>
        {
            Assert.That(item.GetProperty("status").GetString(), Is.EqualTo("active"));
            Assert.That(
                item.GetProperty("packages")[0].GetProperty("platform_curation").GetProperty("status").GetString(),
                Is.EqualTo("not_affected"), "what the platform holds is still shown");
            Assert.That(await TotalOfAsync(Mallory, packages), Is.EqualTo(1));
            Assert.That(await TotalOfAsync(Ada, packages), Is.EqualTo(2));
            Assert.That(
                (await GetAsync(Mallory, $"environments/{theirs}/vulnerabilities")).GetProperty("total_count").GetInt32(), Is.EqualTo(1));
            Assert.That(
                (await GetAllAsync(Ada, $"vulnerabilities/{InWheel}/environments", 10)).Select(Id), Does.Contain(ours.ToString()));
            Assert.That(
                (await GetAllAsync(Mallory, $"vulnerabilities/{InWheel}/environments", 10)).Select(Id), Is.Empty);
            Assert.That(
                (await GetAsync(Mallory, $"vulnerabilities/{InWheel}")).GetProperty("status").GetString(), Is.EqualTo("not_affected"));
            Assert.That((await GetAsync(Mallory, "vulnerabilities")).GetProperty("items").EnumerateArray().Select(Id),
                Does.Not.Contain(InWheel));
        });

        // A later environment on the same set, and an import, count the same.
        var later = await LogAsync(Bob, Machine, "/opt/override-later", packages);
        await CountsBecomeAsync(later, 2, 9.8m);
        await ImportAsync(File(Record("PYSEC-2026-801", "cryptography", null, "46.0.1", ["CVE-2026-80100"], High)));
        await CountsBecomeAsync(ours, 3, 9.8m);

        await CurateAsync(InWheel, "mitigated", "cryptography", "45.0.3");
        await CountsBecomeAsync(ours, 2, 7.5m);
        Assert.That((await StatusAsync(ours, InWheel)).Status, Is.EqualTo("mitigated"));
        await CurateAsync(InWheel, "reported", "cryptography", "45.0.3");
        await CurateAsync(InWheel, "active");
        await CountsBecomeAsync(ours, 3, 9.8m);
        await CurateAsync(InWheel, "reported");
        await CountsBecomeAsync(ours, 2, 7.5m);
        Assert.That((await StatusAsync(ours, InWheel)).Status, Is.EqualTo("not_affected"), "what the platform holds counts again");
        await ImportAsync(File(Record("PYSEC-2026-801", "cryptography", null, "46.0.1", ["CVE-2026-80100"], High, withdrawn: true)));
        await CountsBecomeAsync(ours, 1, 5.3m);
    }

    [TestCase("openvex")]
    [TestCase("cyclonedx")]
    public async Task It_is_exported_as_vex_and_not_brought_back_as_the_organizations_own(string format)
    {
        var version = format == "openvex" ? "45.0.1" : "45.0.2";
        var id = await LogAsync(Bob, Machine, $"/opt/vex-{format}", Cryptography with { Version = version }, OpenSsl);
        await LogAsync(Bob, Machine, $"/opt/vex-here-{format}", Cryptography with { Version = "45.0.0" }, OpenSsl);
        var apart = await LogAsync(Bob, Machine, $"/opt/vex-not-{format}", Cryptography with { Version = "45.0.0" });
        await CountsBecomeAsync(id, 1, 5.3m);
        await CountsBecomeAsync(apart, 2, 9.8m);
        using var exported = await SendAsync(HttpMethod.Get, Ada, $"vulnerabilities/vex?format={format}");
        var document = await exported.Content.ReadAsStringAsync();
        var url = $"pkg:conda/cryptography@{version}?build=py39hd97740a_0";
        Assert.Multiple(() =>
        {
            Assert.That(
                document,
                Does.Contain(url).And.Contains("not_affected").And.Contains("platform: The advisory is about the OpenSSL"));
            Assert.That(document, Does.Contain(format == "openvex" ? "vulnerable_code_not_present" : "code_not_present"));
            Assert.That(document, Does.Not.Contain("pkg:pypi/cryptography@" + version), "the wheel is affected");
            Assert.That(document, Does.Not.Contain("cryptography@45.0.0"), "in one of its environments it is affected");
        });
        using var imported = await SendAsync(
            HttpMethod.Post, Ada, "vulnerabilities/vex", new StringContent(document, null, "application/json"));
        var result = await OkAsync(imported);
        Assert.That(result.GetProperty("applied").GetInt32(), Is.Zero, result.ToString());
        Assert.That(result.GetProperty("skipped").EnumerateArray().Select(one => one.GetProperty("reason").GetString()),
            Has.Some.Contains("verdict of the platform"));
        Assert.That((await StatusAsync(id, InWheel)).Status, Is.EqualTo("not_affected"));
    }

    private async Task<JsonElement> ScanAsync(TestCaller caller, params PackageEntry[] packages)
    {
        using var response = await SendAsync(
            HttpMethod.Post, caller, "scans", JsonContent.Create(new { packages }, options: Json.Options), caller.Memberships[0].Slug);
        return await OkAsync(response);
    }

    private async Task<int> TotalOfAsync(TestCaller caller, params PackageEntry[] packages) =>
        (await ScanAsync(caller, packages)).GetProperty("summary").GetProperty("total").GetInt32();
}
