using System.IO.Compression;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A source is complete when somebody says so or it is the known export, and does not shrink unnoticed.</summary>
public sealed class CompleteSourceTests : ScannerFixture
{
    [Test]
    public async Task An_archive_of_one_s_own_completes_nothing_until_somebody_says_so()
    {
        await ImportAsync(Zip(OfCran("OWN-1", "ours")));
        Assert.That(await ReasonAsync(), Is.EqualTo("no_advisory_source"), "one record is no complete source");

        var stated = await ImportWithAsync(Zip([.. Enumerable.Range(0, 20).Select(i => OfCran($"OWN-{i}", $"ours{i}"))]), "&complete=true");
        Assert.That(stated.GetProperty("status").GetString(), Is.EqualTo("completed"), stated.ToString());
        Assert.That(await ReasonAsync(), Is.EqualTo("checked"));
        Assert.That(await ScalarAsync<string>(
            Db, "select concat_ws(' ', basis, records, confirmed_at is not null) from complete_ecosystems where ecosystem = 'CRAN'"),
            Is.EqualTo("stated 20 t"));
        using var client = Scanner.As(Operator);
        var listed = await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/ecosystems", UriKind.Relative));
        Assert.That(listed.GetProperty("items")[0].GetProperty("ecosystem").GetString(), Is.EqualTo("CRAN"));

        var smaller = Zip([.. Enumerable.Range(0, 17).Select(i => OfCran($"OWN-{i}", $"renamed{i}"))]);
        var refused = await ImportWithAsync(smaller, "&complete=true");
        Assert.That(refused.GetProperty("status").GetString(), Is.EqualTo("failed"));
        Assert.That(refused.GetProperty("error").GetString(), Does.Contain("17 records of CRAN").And.Contain("held 20"));
        Assert.That(
            await ScalarAsync<long>(Db, "select count(*) from advisories where convert_from(raw, 'UTF8') like '%renamed%'"), Is.Zero);
        var right = await ImportWithAsync(smaller, "&complete=true&shrunk=true");
        Assert.That(right.GetProperty("status").GetString(), Is.EqualTo("completed"), right.ToString());
    }

    [Test]
    public async Task The_official_export_is_known_by_what_it_holds()
    {
        await using var database = await TestDatabase.CreateAsync();
        var scanner = await StartScannerAsync(database, null);
        try
        {
            await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "cran-osv.zip")), on: scanner);
            await ImportAsync(await System.IO.File.ReadAllBytesAsync(TestData.File("advisories", "pypa-osv-2024-10.zip")), on: scanner);
            using var client = scanner.As(Operator);
            var listed = await client.GetFromJsonAsync<JsonElement>(new Uri("/api/v1/advisories/ecosystems", UriKind.Relative));
            Assert.That(
                listed.GetProperty("items").EnumerateArray()
                    .Select(one => $"{one.GetProperty("ecosystem")} {one.GetProperty("basis")} {one.GetProperty("records")}"),
                Is.EqualTo(new[] { "CRAN export 14", "PyPI export 2661" }));
        }
        finally
        {
            await scanner.DisposeAsync();
        }
    }

    [Test]
    public async Task A_catalogue_that_loses_more_than_a_tenth_is_not_taken_over()
    {
        byte[] Catalogue(int entries) => Encoding.UTF8.GetBytes(new JsonObject
        {
            ["vulnerabilities"] = new JsonArray([.. Enumerable.Range(0, entries).Select(i => (JsonNode)new JsonObject
            {
                ["cveID"] = $"CVE-2026-{1_000 + i}",
                ["dateAdded"] = "2026-01-01",
            })]),
        }.ToJsonString());
        await ImportAsync(Catalogue(20), "kev");
        await ImportAsync(Catalogue(18), "kev");
        var refused = await EndedAsync(Scanner, Operator, await SendImportAsync(Scanner, Operator, Catalogue(10), "kev"));
        Assert.That(refused.GetProperty("status").GetString(), Is.EqualTo("failed"));
        Assert.That(await ScalarAsync<long>(Db, "select count(*) from known_exploited"), Is.EqualTo(18));
    }

    private async Task<JsonElement> ImportWithAsync(byte[] file, string more) =>
        await EndedAsync(Scanner, Operator, await SendImportAsync(Scanner, Operator, file, "osv" + more));

    private async Task<string> ReasonAsync()
    {
        using var response = await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(new JsonObject
        {
            ["packages"] = new JsonArray(new JsonObject
            {
                ["manager"] = "conda",
                ["name"] = "r-commonmark",
                ["version"] = "1.7",
                ["build"] = "r41hcfec24a_0",
                ["channel"] = "conda-forge",
            }),
        }));
        var package = (await OkAsync(response)).GetProperty("packages")[0];
        return package.GetProperty("reason").GetString() ?? package.GetProperty("coverage").GetString()!;
    }

    private static JsonObject OfCran(string id, string project)
    {
        var record = Record(id, project, null, "2.0");
        record["affected"]![0]!["package"]!["ecosystem"] = "CRAN";
        return record;
    }

    private static byte[] Zip(params JsonObject[] records)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var record in records)
            {
                using var entry = zip.CreateEntry($"{record["id"]}.json").Open();
                entry.Write(JsonSerializer.SerializeToUtf8Bytes(record));
            }
        }

        return stream.ToArray();
    }
}
