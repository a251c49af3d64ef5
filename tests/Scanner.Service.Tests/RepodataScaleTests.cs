using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Time and memory for a channel of the size of the largest, which docs/performance.md reports. Run by name only.</summary>
[Explicit("It measures, and takes minutes.")]
public sealed class RepodataScaleTests : FeedFixture
{
    private const string Channel = "https://conda.example.org/large";
    private const int Names = 25_000;
    private int _imports;

    [Test]
    public async Task A_channel_of_half_a_million_packages_is_imported_in_bounded_memory()
    {
        Publisher.Publish("/small", Generate("noarch", 1_000).Packed);
        var (json, packed) = Generate("linux-64", 500_000);
        TestContext.Out.WriteLine($"{json >> 20} MiB of JSON, {packed.Length >> 20} MiB in Zstandard");
        await ImportAsync("small");
        Publisher.Publish("/large", packed);
        await ImportAsync("large");
        Publisher.Publish("/large", Generate("linux-64", 500_100).Packed);
        await ExecuteAsync("update feeds set due_at = now()");
        await ImportAsync("large");
        var stored = await ScalarAsync<string>("select pg_size_pretty(pg_total_relation_size('channel_packages'))");
        TestContext.Out.WriteLine($"{stored} are stored");
        await ScanAsync();
    }

    private async Task ImportAsync(string feed)
    {
        var settings = Settings("test" + Guid.CreateVersion7().ToString("N")[^12..], [feed]);
        settings[$"Feeds:Sources:{feed}:Format"] = "repodata";
        settings[$"Feeds:Sources:{feed}:Channel"] = Channel;
        _imports++;
        using var scanner = await ScannerProcess.StartAsync(Database, settings);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>("select count(*) from imports where status <> 'running'") == _imports, "it is imported",
            600);
        var took = await ScalarAsync<string>(
            "select status || ' ' || round(extract(epoch from finished_at - created_at), 1) || ' s ' || coalesce(error, '') "
            + "from imports order by id desc limit 1");
        TestContext.Out.WriteLine($"{feed}: {took}, {scanner.PeakMemory()} MiB at most");
    }

    /// <summary>The upgrades of an environment of 300 packages of the channel, of which ten are vulnerable.</summary>
    private async Task ScanAsync()
    {
        var settings = Settings(null, null);
        await using var scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", Database, settings);
        using var client = scanner.As(Operator);
        var advisories = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, 10).Select(i => new
        {
            id = $"PYSEC-2026-{i}",
            modified = "2026-01-02T03:04:05Z",
            affected = new[]
            {
                new
                {
                    package = new { ecosystem = "PyPI", name = $"package{i}" },
                    ranges = new[]
                    {
                        new { type = "ECOSYSTEM", events = new object[] { new { introduced = "0" }, new { @fixed = "1.12" } } },
                    },
                },
            },
        })));
        using var import = await client.PostAsync(new Uri("/api/v1/advisories/imports?format=osv", UriKind.Relative), advisories);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>("select count(*) from imports where status = 'running'") == 0,
            "the advisories are imported", 60);
        var body = new
        {
            packages = Enumerable.Range(0, 300).Select(i => new
            {
                manager = "conda",
                name = $"package{i}",
                version = "1.3",
                build = "py39_3",
                channel = Channel,
                subdir = "linux-64",
            }),
        };
        for (var i = 0; i < 3; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            using var response = await client.PostAsJsonAsync(
                new Uri($"/api/v1/orgs/{Operator.Memberships[0].Slug}/scans", UriKind.Relative), body);
            var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("upgrades");
            TestContext.Out.WriteLine($"scan of 300 packages: {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:0} ms, "
                + $"{answer.GetProperty("items").GetArrayLength()} upgrades, "
                + $"{answer.GetProperty("items").EnumerateArray().Count(item => item.GetProperty("checked").GetBoolean())} checked");
        }
    }

    private static (long Json, byte[] Packed) Generate(string subdir, int builds)
    {
        var random = new Random(1);
        using var packed = new MemoryStream();
        var json = 0L;
        using (var zstd = new ZstdSharp.CompressionStream(packed, 3, leaveOpen: true))
        {
            void Write(string text)
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                json += bytes.Length;
                zstd.Write(bytes);
            }

            Write($$"""{"info":{"subdir":"{{subdir}}"},"packages":{},"packages.conda":{""");
            Write("""
                "python-3.9.1-0.conda":{"name":"python","version":"3.9.1","build":"0","depends":[]},
                "python_abi-3.9-1_cp39.conda":{"name":"python_abi","version":"3.9","build":"1_cp39","depends":["python 3.9.*"]},
                """);
            for (var i = 0; i < builds; i++)
            {
                var (name, version) = (i % Names, i / Names);
                // On earlier ones, so that the first three hundred need nothing but each other.
                var depends = string.Join(',', new[] { 2, 3, 5, 7, 11 }.Select(divisor => name / divisor).Where(other => other != name)
                    .Distinct().Select(other => $"\"package{other} >=1.{Math.Max(version - 5, 0)},<2.0a0\"")
                    .Prepend("\"python_abi 3.9.* *_cp39\""));
                Write($$"""
                    {{(i > 0 ? "," : "")}}"package{{name}}-1.{{version}}-py39_{{version}}.conda":{"build":"py39_{{version}}",
                    "build_number":{{version}},"constrains":["other{{name % 97}} <3"],"depends":["python >=3.9,<3.10.0a0",
                    {{depends}}],
                    "license":"MIT","license_family":"MIT","md5":"{{random.NextInt64():x16}}{{random.NextInt64():x16}}",
                    "name":"package{{name}}",
                    "sha256":"{{random.NextInt64():x16}}{{random.NextInt64():x16}}{{random.NextInt64():x16}}{{random.NextInt64():x16}}",
                    "size":{{random.Next()}},"subdir":"{{subdir}}","timestamp":{{random.NextInt64(1L << 40)}},"version":"1.{{version}}"}
                    """);
            }

            Write("},\"removed\":[],\"repodata_version\":1}");
        }

        return (json, packed.ToArray());
    }
}
