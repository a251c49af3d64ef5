using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>
/// What clears an environment, as commands to paste; and correct counts where one project is installed in several packages.
/// </summary>
public sealed class UpgradesTests : ScannerFixture
{
    private EnvironmentId _id;

    protected override async Task PrepareAsync()
    {
        await ImportAsync(File(
            Record("PYSEC-2026-1", "alphalib", null, "2.5", ["CVE-2026-1001"], High),
            Record("GHSA-aaaa-bbbb-cccc", "alphalib", null, "2.6", ["CVE-2026-1001"]),
            Record("PYSEC-2026-2", "alphalib", null, "3.0", ["CVE-2026-1002"], Medium),
            Record("PYSEC-2026-3", "alphalib", "4.0", null, ["CVE-2026-1003"], Critical),
            Record("PYSEC-2026-4", "matplotlib", null, "3.4.2", ["CVE-2026-1004"], Critical),
            Record("PYSEC-2026-5", "gammalib", null, null, ["CVE-2026-1005"]),
            Record("PYSEC-2026-6", "deltalib", null, "7.0", ["CVE-2026-1006"], Medium)));
        await ImportAsync("""{"vulnerabilities":[{"cveID":"CVE-2026-1004","dateAdded":"2026-02-03"}]}"""u8.ToArray(), "kev");
        _id = await LogAsync(
            Bob, await RegisterMachineAsync(Bob), "/home/bob/my envs/work", Conda("alphalib", "2.0"), PyPi("alphalib", "2.1"),
            Conda("matplotlib", "3.3.1"), Conda("matplotlib-base", "3.3.1"), Conda("gammalib", "1.0"), PyPi("deltalib", "6.0"));
        await ScannedAsync(_id);
    }

    [Test]
    public async Task An_environment_is_cleared_by_the_fewest_upgrades_as_commands_to_paste()
    {
        var answer = await GetAsync(Bob, $"environments/{_id}/upgrades");
        Assert.Multiple(() =>
        {
            Assert.That(Items(answer), Is.EqualTo(new[]
            {
                "conda alphalib 2.0 3.0 alphalib>=3.0,<4.0 CVE-2026-1001,CVE-2026-1002",
                "conda matplotlib 3.3.1 3.4.2 matplotlib>=3.4.2 CVE-2026-1004",
                "conda matplotlib-base 3.3.1 3.4.2 matplotlib-base>=3.4.2 CVE-2026-1004",
                "pypi alphalib 2.1 3.0 alphalib>=3.0,<4.0 CVE-2026-1001,CVE-2026-1002",
                "pypi deltalib 6.0 7.0 deltalib>=7.0 CVE-2026-1006",
            }));
            Assert.That(Commands(answer), Is.EqualTo(new[]
            {
                "posix conda install --prefix '/home/bob/my envs/work' --channel conda-forge 'alphalib>=3.0,<4.0' 'matplotlib>=3.4.2' "
                + "'matplotlib-base>=3.4.2'",
                "posix conda run --prefix '/home/bob/my envs/work' python -m pip install --upgrade 'alphalib>=3.0,<4.0' 'deltalib>=7.0'",
            }));
            var unfixed = answer.GetProperty("unfixed").EnumerateArray().Single();
            Assert.That((unfixed.GetProperty("name").GetString(), unfixed.GetProperty("vulnerability")
                .GetString(), unfixed.GetProperty("severity").GetString()), Is.EqualTo(("gammalib", "CVE-2026-1005", "unknown")));
            Assert.That(unfixed.GetProperty("known").GetString(),
                Is.EqualTo("No advisory names a version that fixes it. Affected: every version (PYSEC-2026-5)."));
        });
    }

    [TestCase("severity=high", "conda alphalib,pypi alphalib", 0)]
    [TestCase("severity=critical,medium", "conda alphalib,conda matplotlib,conda matplotlib-base,pypi alphalib,pypi deltalib", 0)]
    [TestCase("severity=unknown", "", 1)]
    [TestCase("kev=true", "conda matplotlib,conda matplotlib-base", 0)]
    [TestCase("package=deltalib", "pypi deltalib", 0)]
    public async Task What_is_to_be_cleared_can_be_chosen(string query, string upgraded, int unfixed)
    {
        var answer = await GetAsync(Bob, $"environments/{_id}/upgrades?{query}");
        Assert.That(
            string.Join(',', answer.GetProperty("items").EnumerateArray().Select(
                item => $"{item.GetProperty("manager").GetString()} {item.GetProperty("name").GetString()}")), Is.EqualTo(upgraded));
        Assert.That(answer.GetProperty("unfixed").GetArrayLength(), Is.EqualTo(unfixed));
    }

    [Test]
    public async Task What_an_organization_has_cleared_needs_no_upgrade()
    {
        var machine = await RegisterMachineAsync(Mallory);
        var hers = await LogAsync(Mallory, machine, "/envs/hers", Conda("alphalib", "2.0"), PyPi("deltalib", "6.0"));
        await ScannedAsync(hers);
        await CurateAsync("CVE-2026-1006", new { status = "mitigated", reason = "Nobody reaches it." });
        await CurateAsync("CVE-2026-1003", new { status = "cleared", reason = "Not ours.", package = "alphalib" });
        await CurateAsync(
            "CVE-2026-1002", new { status = "cleared", reason = "Looked into it in this version.", package = "alphalib", version = "2.0" });
        var answer = await GetAsync(Mallory, $"environments/{hers}/upgrades");
        Assert.That(Items(answer), Is.EqualTo(new[] { "conda alphalib 2.0 3.0 alphalib>=3.0 CVE-2026-1001" }),
            "a verdict on a version does not apply to the next, so the fix of all is the target");
        await CurateAsync("CVE-2026-1002", new { status = "disputed", reason = "No vulnerability." });
        answer = await GetAsync(Mallory, $"environments/{hers}/upgrades");
        Assert.That(Items(answer), Is.EqualTo(new[] { "conda alphalib 2.0 2.6 alphalib>=2.6 CVE-2026-1001" }));
    }

    [Test]
    public async Task Nobody_sees_the_upgrades_of_anothers_environment()
    {
        foreach (var (caller, org, status) in new[]
        {
            (Eve, null, HttpStatusCode.NotFound), (Mallory, Organization.Slug, HttpStatusCode.NotFound),
            (null!, null, HttpStatusCode.Unauthorized), (Ada, (string?)null, HttpStatusCode.OK),
        })
        {
            using var response = await SendAsync(HttpMethod.Get, caller, $"environments/{_id}/upgrades", null, org);
            Assert.That(response.StatusCode, Is.EqualTo(status));
        }

        using var bad = await SendAsync(HttpMethod.Get, Bob, $"environments/{_id}/upgrades?severity=dreadful");
        Assert.That(bad.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task The_local_audit_says_what_would_clear_it()
    {
        var body = new
        {
            packages = new object[]
            {
                new { manager = "conda", name = "matplotlib-base", version = "3.3.1", build = "py39_0", channel = "pkgs/main" },
                new { manager = "pypi", name = "gammalib", version = "1" },
            },
            prefix = @"C:\my envs\work",
            platform = "win-64",
        };
        var answer = (await OkAsync(await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(body)))).GetProperty("upgrades");
        Assert.Multiple(() =>
        {
            Assert.That(
                Commands(answer), Is.EqualTo(new[] { @"windows conda install --prefix ""C:\my envs\work"" ""matplotlib-base>=3.4.2""" }));
            Assert.That(answer.GetProperty("unfixed").GetArrayLength(), Is.EqualTo(1));
        });
    }

    /// <summary>conda has installed it anew, and pip's old files are still there: to pip the requirement is satisfied.</summary>
    [Test]
    public async Task What_pip_left_beside_a_later_package_of_conda_is_told_and_no_command_for_it()
    {
        var id = await LogAsync(
            Bob, await RegisterMachineAsync(Bob), "/envs/leftover", Conda("deltalib", "7.1"), PyPi("deltalib", "6.0"),
            PyPi("alphalib", "2.1"), Conda("alphalib", "2.2"));
        await ScannedAsync(id);
        var answer = await GetAsync(Bob, $"environments/{id}/upgrades");
        Assert.Multiple(() =>
        {
            Assert.That(Commands(answer), Is.All.Not.Contains("deltalib"));
            Assert.That(Commands(answer), Has.Some.Contains("pip install --upgrade 'alphalib>=3.0,<4.0'"), "conda's is not later");
            var left = answer.GetProperty("unfixed").EnumerateArray().Single();
            Assert.That(
                (left.GetProperty("vulnerability").GetString(), left.GetProperty("reason").GetString()),
                Is.EqualTo(("CVE-2026-1006", "left_over")));
            Assert.That(left.GetProperty("known").GetString(), Does.Contain("conda's deltalib 7.1").And.Contains("deltalib-6.0.dist-info"));
        });
    }

    [Test]
    public async Task Split_outputs_and_two_managers_are_one_vulnerability_with_the_packages_listed_and_counted_once()
    {
        var items = await GetAllAsync(Bob, $"environments/{_id}/vulnerabilities", 100);
        string[] PackagesOf(string cve) =>
            [
                .. items.Single(item => item.GetProperty("id").GetString() == cve).GetProperty("packages").EnumerateArray()
                    .Select(package => $"{package.GetProperty("manager").GetString()} {package.GetProperty("name").GetString()}")
                    .Order(StringComparer.Ordinal)
            ];
        var summary = await OkAsync(await SendAsync(HttpMethod.Post, Bob, $"environments/{_id}/scan"));
        var affected = await GetAsync(Bob, "vulnerabilities/CVE-2026-1004/environments");
        Assert.Multiple(() =>
        {
            Assert.That(PackagesOf("CVE-2026-1004"), Is.EqualTo(new[] { "conda matplotlib", "conda matplotlib-base" }));
            Assert.That(PackagesOf("CVE-2026-1001"), Is.EqualTo(new[] { "conda alphalib", "pypi alphalib" }));
            Assert.That(items, Has.Count.EqualTo(5));
            Assert.That((summary.GetProperty("total").GetInt32(), summary.GetProperty("critical").GetInt32(), summary.GetProperty("kev")
                .GetInt32()), Is.EqualTo((5, 1, 1)));
            Assert.That(affected.GetProperty("total_count").GetInt64(), Is.EqualTo(1));
            Assert.That(affected.GetProperty("items")[0].GetProperty("packages").GetArrayLength(), Is.EqualTo(2));
        });
    }

    private async Task CurateAsync(string cve, object verdict)
    {
        using var response = await SendAsync(HttpMethod.Put, Mallory, $"vulnerabilities/{cve}/curation", JsonContent.Create(verdict));
        Assert.That(response.IsSuccessStatusCode, Is.True, await response.Content.ReadAsStringAsync());
    }

    private static string[] Items(JsonElement answer) =>
    [
        .. answer.GetProperty("items").EnumerateArray().Select(item => string.Join(
            ' ', item.GetProperty("manager"), item.GetProperty("name"), item.GetProperty("version"), item.GetProperty("to"),
            item.GetProperty("spec"), string.Join(',', item.GetProperty("clears").EnumerateArray()))),
    ];

    private static string[] Commands(JsonElement answer) =>
        [
            .. answer.GetProperty("commands").EnumerateArray()
                .Select(command => $"{command.GetProperty("shell").GetString()} {command.GetProperty("command").GetString()}")
        ];
}
