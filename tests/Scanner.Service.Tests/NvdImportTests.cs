using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Records of the National Vulnerability Database about native packages.</summary>
public sealed class NvdImportTests : ScannerFixture
{
    private MachineId _machine;

    protected override async Task PrepareAsync() => _machine = await RegisterMachineAsync(Bob);

    [Test]
    public async Task Real_records_find_native_packages_and_join_what_is_known_already()
    {
        var samples = await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "nvd-cve-samples.jsonl"));
        var id = await LogAsync(
            Bob, _machine, "/opt/native", Conda("openssl", "3.0.7", "h1_0"), Conda("go", "1.20.10", "h1_0"),
            Conda("libuv", "1.48.0", "h1_0"), Conda("redis", "6.0.1", "h1_0"));
        await ScannedAsync(id);
        Assert.That(await FindingsAsync(id), Does.Contain("CVE-2023-0286").And.Not.Contain("CVE-2023-45283"), "of the built-in advisories");

        var import = await ImportAsync(samples, "nvd");
        Assert.Multiple(async () =>
        {
            Assert.That(import.GetProperty("advisories").GetInt32(),
                Is.EqualTo(Encoding.UTF8.GetString(samples).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
            Assert.That(import.GetProperty("added").GetInt32(), Is.InRange(8, 20), "what no conda package holds is not kept");
            Assert.That(import.GetProperty("rejected").GetInt32(), Is.Zero);
            Assert.That(await FindingsAsync(id), Does.Contain("CVE-2023-0286").And.Contain("CVE-2023-45283")
                .And.Contain("CVE-2024-0727").And.Not.Contain("CVE-2024-24806").And.Not.Contain("CVE-2022-0543"));
        });
        var openssl = await GetAsync(Ada, "vulnerabilities/NVD-CVE-2023-0286");
        Assert.That(openssl.GetProperty("id").GetString(), Is.EqualTo("CVE-2023-0286"));

        var generation = await ScalarAsync<long>(Db, "select generation from advisory_state");
        var again = await ImportAsync(samples, "nvd");
        Assert.That(again.GetProperty("added").GetInt32() + again.GetProperty("changed").GetInt32(), Is.Zero);
        Assert.That(await ScalarAsync<long>(Db, "select generation from advisory_state"), Is.EqualTo(generation),
            "an import without changes has no effect");
    }

    [Test]
    public async Task A_record_is_marked_as_exploited_and_goes_when_it_is_rejected()
    {
        var id = await LogAsync(Bob, _machine, "/opt/rejected", Conda("wget", "9.9", "h1_0"));
        await ScannedAsync(id);
        var record = Nvd("CVE-2026-41001", "cpe:2.3:a:gnu:wget:*:*:*:*:*:*:*:*");
        record["cve"]!["cisaExploitAdd"] = "2026-02-03";
        var broken = Nvd("CVE-2026-41002", "wget");
        var first = await ImportAsync(Answer(broken, record, Nvd("CVE-2026-41003", "cpe:2.3:a:nobody:nothing:*:*:*:*:*:*:*:*")), "nvd");
        Assert.That(
            (first.GetProperty("advisories").GetInt32(), first.GetProperty("rejected").GetInt32(), first.GetProperty("added").GetInt32()),
            Is.EqualTo((2, 1, 1)));
        var item = (await GetAsync(Bob, $"environments/{id}/vulnerabilities?kev=true")).GetProperty("items")[0];
        Assert.Multiple(() =>
        {
            Assert.That(item.GetProperty("id").GetString(), Is.EqualTo("CVE-2026-41001"));
            Assert.That(item.GetProperty("severity").GetString(), Is.EqualTo("critical"));
        });

        record["cve"]!["vulnStatus"] = "Rejected";
        record["cve"]!["configurations"] = new JsonArray();
        record["cve"]!["lastModified"] = "2026-03-01T00:00:00.000";
        var second = await ImportAsync(Answer(record), "nvd");
        Assert.That((second.GetProperty("changed").GetInt32(), second.GetProperty("withdrawn").GetInt32()), Is.EqualTo((1, 1)));
        Assert.That(await FindingsAsync(id), Is.Empty);
    }

    private async Task<string?[]> FindingsAsync(EnvironmentId id) =>
        [
            .. (await GetAsync(Bob, $"environments/{id}/vulnerabilities?limit=200")).GetProperty("items").EnumerateArray()
                .Select(item => item.GetProperty("id").GetString())
        ];

    private static JsonObject Nvd(string id, string criteria) => new()
    {
        ["cve"] = new JsonObject
        {
            ["id"] = id,
            ["published"] = "2026-01-01T00:00:00.000",
            ["lastModified"] = "2026-01-02T00:00:00.000",
            ["vulnStatus"] = "Analyzed",
            ["descriptions"] = new JsonArray(new JsonObject { ["lang"] = "en", ["value"] = "What NVD says." }),
            ["metrics"] = new JsonObject
            {
                ["cvssMetricV31"] = new JsonArray(
                    new JsonObject { ["type"] = "Primary", ["cvssData"] = new JsonObject { ["vectorString"] = Critical } })
            },
            ["configurations"] = new JsonArray(new JsonObject
            {
                ["nodes"] = new JsonArray(new JsonObject
                {
                    ["operator"] = "OR",
                    ["cpeMatch"] = new JsonArray(new JsonObject { ["vulnerable"] = true, ["criteria"] = criteria })
                }),
            }),
        },
    };

    private static byte[] Answer(params JsonObject[] records) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["resultsPerPage"] = records.Length,
        ["format"] = "NVD_CVE",
        ["version"] = "2.0",
        ["vulnerabilities"] = new JsonArray([.. records.Select(record => record.DeepClone())]),
    });
}
