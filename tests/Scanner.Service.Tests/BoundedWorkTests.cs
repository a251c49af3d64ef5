using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>What one request or one log may cost: measured in rows and bytes, which are the same on every machine.</summary>
public sealed class BoundedWorkTests : ScannerFixture
{
    private const int Vulnerabilities = 356;
    private const int Many = 3_000;
    private MachineId _machine;

    protected override async Task PrepareAsync()
    {
        _machine = await RegisterMachineAsync(Bob);
        await ImportAsync(File([.. Enumerable.Range(0, Vulnerabilities)
            .Select(i => Record($"PYSEC-2026-{4_000 + i}", "heavylib", null, "9.0", [$"CVE-2026-{40_000 + i}"], High))]));
    }

    [Test]
    public async Task The_same_package_many_times_is_answered_once()
    {
        using var response = await ScanAsync([.. Enumerable.Repeat(Conda("heavylib", "1.0"), Many)]);
        var bytes = (await response.Content.ReadAsByteArrayAsync()).Length;
        var answer = await OkAsync(response);
        Assert.Multiple(() =>
        {
            Assert.That(answer.GetProperty("packages").GetArrayLength(), Is.EqualTo(1));
            Assert.That(answer.GetProperty("packages")[0].GetProperty("vulnerabilities").GetArrayLength(), Is.EqualTo(Vulnerabilities));
            Assert.That(bytes, Is.LessThan(500_000), "it was 646,002,424");
        });
    }

    [Test]
    public async Task Packages_that_differ_in_a_field_are_not_the_same()
    {
        var package = Conda("heavylib", "1.0");
        using var response = await ScanAsync(
            [package, package with { Build = "py39_1" }, package with { Version = "1.1" }, package with { Channel = null },
                package with { Channel = "" }, package with { Subdir = "noarch" }, PyPi("heavylib", "1.0")]);
        Assert.That((await OkAsync(response)).GetProperty("packages").GetArrayLength(), Is.EqualTo(6), "an empty channel is none");
    }

    [Test]
    public async Task More_findings_than_an_answer_may_hold_are_refused()
    {
        using var response = await ScanAsync([.. Enumerable.Range(0, Many).Select(i => Conda("heavylib", "1.0", $"py39_{i}"))]);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
            Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("too_many_findings"));
            Assert.That(problem.GetProperty("detail").GetString(), Does.Contain($"{Vulnerabilities * Many}"));
        });
    }

    [Test]
    public async Task Findings_of_invented_builds_and_versions_are_stored_once()
    {
        var before = await ScalarAsync<long>(Db, "select count(*) from findings");
        var id = await LogAsync(Bob, _machine, "/opt/builds", [.. Enumerable.Range(0, Many)
            .Select(i => i % 2 == 0 ? Conda("heavylib", "1.0", $"py39_{i}") : Conda("heavylib", $"2.{i}"))]);
        var set = await ScannedAsync(id);
        Assert.Multiple(async () =>
        {
            Assert.That(await ScalarAsync<long>(Db, "select count(*) from findings") - before, Is.LessThanOrEqualTo(Vulnerabilities));
            Assert.That(await ScalarAsync<long>(
                Db, "select count(*) from package_findings f join packages p using (package_id) where p.name = 'heavylib'"),
                Is.EqualTo(Vulnerabilities * Many), "every package has them all the same");
            Assert.That(await ScalarAsync<int>(Db, "select total from set_counts where set_id = @set", new { set }),
                Is.EqualTo(Vulnerabilities));
        });
    }

    [Test]
    public async Task What_is_read_of_a_log_of_invented_builds_stays_of_a_size()
    {
        var id = await LogAsync(
            Bob, _machine, "/opt/read", [.. Enumerable.Range(0, Many).Select(i => Conda("heavylib", "3.0", $"py39_{i}"))]);
        await ScannedAsync(id);
        using var listed = await SendAsync(HttpMethod.Get, Bob, $"environments/{id}/vulnerabilities?limit=1000");
        var first = (await OkAsync(listed)).GetProperty("items")[0];
        using var affected = await SendAsync(HttpMethod.Get, Bob, "vulnerabilities/CVE-2026-40000/environments");
        var environment = (await OkAsync(affected)).GetProperty("items").EnumerateArray()
            .Single(one => one.GetProperty("id").GetGuid() == id.Value);
        using var upgrades = await SendAsync(HttpMethod.Get, Bob, $"environments/{id}/upgrades");
        Assert.Multiple(async () =>
        {
            Assert.That((first.GetProperty("packages").GetArrayLength(), first.GetProperty("package_count").GetInt32()),
                Is.EqualTo((20, Many)));
            Assert.That((environment.GetProperty("packages").GetArrayLength(), environment.GetProperty("package_count").GetInt32()),
                Is.EqualTo((20, Many)));
            Assert.That((await listed.Content.ReadAsByteArrayAsync()).Length, Is.LessThan(8_000_000));
            Assert.That((await affected.Content.ReadAsByteArrayAsync()).Length, Is.LessThan(100_000));
            Assert.That((await OkAsync(upgrades)).GetProperty("items")[0].GetProperty("to").GetString(), Is.EqualTo("9.0"));
        });
    }

    [Test]
    public async Task What_was_found_and_is_found_in_no_package_any_more_is_removed()
    {
        await ImportAsync(File(Record("PYSEC-2026-9000", "swapped", null, "9.0", ["CVE-2026-49000"], High)));
        var id = await LogAsync(Bob, _machine, "/opt/swapped", PyPi("swapped", "1.0"));
        await ScannedAsync(id);
        var before = await ScalarAsync<long>(Db, "select count(*) from found");
        await ImportAsync(File(Record("PYSEC-2026-9001", "swapped", null, "8.0", ["CVE-2026-49001"], High)));
        Assert.Multiple(async () =>
        {
            Assert.That(await ScalarAsync<long>(Db, "select count(*) from found"), Is.EqualTo(before));
            Assert.That(await ScalarAsync<long>(
                Db, "select count(*) from package_findings f join packages p using (package_id) where p.name = 'swapped'"), Is.EqualTo(2));
        });
    }

    private Task<HttpResponseMessage> ScanAsync(PackageEntry[] packages) =>
        SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(new
        {
            packages = packages.Select(package => new
            {
                package.Manager,
                package.Name,
                package.Version,
                package.Build,
                package.Subdir,
                package.Channel,
            }),
        }, options: Json.Options));
}
