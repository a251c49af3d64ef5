using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Published mappings of conda names are imported, changed and taken back; environments follow.</summary>
public sealed class ImportMappingTests : ScannerFixture
{
    private const string CondaForge = "parselmouth&channel=conda-forge";
    private const string Ours = "https://conda.example.org/ours";
    private const string MappingOfOurs = "parselmouth&channel=" + Ours;
    private MachineId _machine;

    protected override async Task PrepareAsync()
    {
        _machine = await RegisterMachineAsync(Bob);
        await ImportAsync(File(Record("PYSEC-2026-501", "heron", null, "2.0", ["CVE-2026-50001"], Critical)));
    }

    [Test]
    public async Task A_package_becomes_what_its_mapping_says_and_again_what_it_was()
    {
        var far = await RegisterMachineAsync(Mallory);
        var ours = await LogAsync(Bob, _machine, "/opt/mapped", Package("heron-core"), Package("bystander"));
        var theirs = await LogAsync(Mallory, far, "/opt/mapped", Package("heron-core"), Package("bystander"));
        await ScannedAsync(ours);
        await ScannedAsync(theirs);
        var generation = await GenerationAsync();

        var first = await ImportAsync(Mapping(("heron-core", ["heron"]), ("native", null), ("other", ["other"])), MappingOfOurs);
        Assert.Multiple(async () =>
        {
            Assert.That(Outcome(first), Is.EqualTo((3, 0, 0)));
            Assert.That(first.GetProperty("channel").GetString(), Is.EqualTo(Ours));
            Assert.That(await GenerationAsync(), Is.EqualTo(generation + 1));
            Assert.That(await RematchedAsync(generation), Is.EqualTo(new[] { "heron-core" }), "others are left alone");
            Assert.That(await FindingsAsync(Bob, ours), Is.EqualTo(new[] { "CVE-2026-50001" }));
            Assert.That(await FindingsAsync(Mallory, theirs), Is.EqualTo(new[] { "CVE-2026-50001" }), "whoever has it");
        });
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Told(ours).LastOrDefault() == 1 && Told(theirs).LastOrDefault() == 1), "both were told", 10);

        var again = await ImportAsync(Mapping(("heron-core", ["heron"]), ("native", null), ("other", ["other"])), MappingOfOurs);
        Assert.That(
            (Outcome(again), await GenerationAsync()), Is.EqualTo(((0, 0, 0), generation + 1)), "what changes nothing moves nothing");

        var later = await ImportAsync(Mapping(("native", null), ("other", ["another"])), MappingOfOurs);
        Assert.Multiple(async () =>
        {
            Assert.That(Outcome(later), Is.EqualTo((0, 1, 1)));
            Assert.That(await FindingsAsync(Bob, ours), Is.Empty, "a package no longer listed is mapped as before");
        });
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Told(ours).LastOrDefault() == 0), "and notified again", 10);
    }

    [Test]
    public async Task Each_channel_and_source_is_replaced_by_itself_and_all_instances_match_with_all()
    {
        await using var second = await StartAnotherAsync();
        await ImportAsync(Mapping(("heron-suite", ["heron"])), CondaForge);
        await ImportAsync(
            Mapping(("heron-suite", ["egret"])), "parselmouth&channel=https%3A%2F%2Fconda.anaconda.org%2Fbioconda%2F", second);
        await ImportAsync("heron:\n  conda_forge: python-heron\n"u8.ToArray(), "grayskull");
        foreach (var scanner in new[] { Scanner, second })
        {
            Assert.Multiple(async () =>
            {
                Assert.That(await ScanAsync(scanner, "heron-suite", "conda-forge"), Is.EqualTo("parselmouth heron 1 checked"));
                Assert.That(await ScanAsync(scanner, "heron-suite", "bioconda"), Is.EqualTo("parselmouth egret 0 no_advisory_source"));
                Assert.That(await ScanAsync(scanner, "python-heron", "conda-forge"), Is.EqualTo("grayskull heron 1 checked"));
                Assert.That(await ScanAsync(scanner, "heron-suite", "https://conda.example.org/mirror"),
                    Is.EqualTo("parselmouth heron 1 checked"), "what is found is told");
                Assert.That(await ScanAsync(scanner, "other", "https://conda.example.org/mirror"),
                    Is.EqualTo("python_build other 0 unknown_channel"));
            });
        }
    }

    [Test]
    public async Task An_entry_that_cannot_be_read_is_named_and_changes_nothing()
    {
        await ImportAsync(Mapping(("heron-lab", ["heron"]), ("good", ["good"])), MappingOfOurs);
        var import = await ImportAsync("""{ "heron-lab": [7], "good": ["better"], "a b": null }"""u8.ToArray(), MappingOfOurs);
        using var client = Scanner.As(Operator);
        var rejections = await client.GetStringAsync(
            new Uri($"/api/v1/advisories/imports/{import.GetProperty("id").GetString()}/rejections", UriKind.Relative));
        Assert.Multiple(async () =>
        {
            Assert.That((Outcome(import), import.GetProperty("rejected").GetInt32()), Is.EqualTo(((0, 1, 0), 2)));
            Assert.That(rejections, Does.Contain("heron-lab").And.Contain("a b").And.Contain("no name of PyPI"));
            Assert.That(await ScanAsync(Scanner, "heron-lab", Ours), Is.EqualTo("parselmouth heron 1 checked"));
        });
    }

    [TestCase("""["a"]""", 400)]
    [TestCase("""{ "a": ["b"]""", 202)]
    [TestCase("""{ "a": 7 }""", 202)]
    [TestCase("{}", 202)]
    public async Task A_file_that_is_no_mapping_is_refused_whole(string file, int status)
    {
        var generation = await GenerationAsync();
        using var response = await PostAsync("format=" + CondaForge, file);
        Assert.That((int)response.StatusCode, Is.EqualTo(status));
        if (status == 202)
        {
            var id = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetGuid();
            var import = await EndedAsync(Scanner, Operator, new(id));
            Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("failed"));
            Assert.That(import.GetProperty("error").GetString(), Does.Contain("mapping"));
        }

        Assert.That(await GenerationAsync(), Is.EqualTo(generation));
    }

    [TestCase("format=parselmouth", "channel")]
    [TestCase("format=parselmouth&channel=%20", "channel")]
    [TestCase("format=parselmouth&channel=a%07b", "channel")]
    [TestCase("format=osv&channel=conda-forge", "channel")]
    [TestCase("format=grayskull&channel=conda-forge", "channel")]
    [TestCase("format=kev&complete=true", "complete")]
    [TestCase("format=conda", "format")]
    public async Task What_cannot_be_meant_is_said(string query, string field)
    {
        using var response = await PostAsync(query, "{}");
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.That((response.StatusCode, problem.GetProperty("errors").TryGetProperty(field, out _)),
            Is.EqualTo((HttpStatusCode.BadRequest, true)), problem.ToString());
    }

    [Test]
    public async Task The_published_mappings_are_imported_whole()
    {
        foreach (var (file, format) in new[]
        {
            ("parselmouth-conda-forge.json", CondaForge),
            ("parselmouth-bioconda.json", "parselmouth&channel=bioconda"), ("grayskull-pypi-to-conda.yaml", "grayskull"),
        })
        {
            var content = await System.IO.File.ReadAllBytesAsync(TestData.File("mapping", file));
            var import = await ImportAsync(content, format);
            var again = await ImportAsync(Gzipped.Of(content), format);
            var stored = await ScalarAsync<int>(
                Db, "select count(*)::int from published_mappings where source = @Source and channel = @Channel", new
                {
                    Source = format.Split('&')[0],
                    Channel = format.Contains("bioconda", StringComparison.Ordinal) ? "bioconda" : "conda-forge",
                });
            Assert.Multiple(() =>
            {
                Assert.That((import.GetProperty("advisories").GetInt32(), import.GetProperty("rejected").GetInt32()),
                    Is.EqualTo((stored, 0)), file);
                Assert.That(Outcome(again), Is.EqualTo((0, 0, 0)), file);
            });
        }

        Assert.That(await ScanAsync(Scanner, "polars", "conda-forge", "h1_0"), Does.StartWith("parselmouth polars"));
        Assert.That(
            await ScanAsync(Scanner, "docutils", "conda-forge"), Does.StartWith("table docutils"), "published errors are overruled");
    }

    [Test]
    public async Task When_every_year_of_NVD_was_imported_native_packages_are_covered()
    {
        var id = await LogAsync(Bob, _machine, "/opt/natives", Conda("libsodium", "9.9", "h1_0"), Conda("ninja", "9.9", "h1_0"));
        var set = await ScannedAsync(id);
        Assert.That(await UncheckedAsync(set), Is.EqualTo(2));
        var thisYear = TimeProvider.System.GetUtcNow().Year;
        await ImportAsync(Years([1999, .. Enumerable.Range(2003, thisYear - 2003)]), "nvd&complete=true");
        await ImportAsync(Years([thisYear]), "nvd");
        Assert.That(await UncheckedAsync(set), Is.EqualTo(2), "this year's records may not be all");
        await ImportAsync(Years([thisYear]), "nvd&complete=true");
        Assert.Multiple(async () =>
        {
            Assert.That(await UncheckedAsync(set), Is.EqualTo(1), "the database has no product for the other");
            Assert.That(await ScanAsync(Scanner, "libsodium", "conda-forge", "h1_0"), Does.EndWith("checked"));
            Assert.That(await ScanAsync(Scanner, "ninja", "conda-forge", "h1_0"), Does.EndWith("no_advisory_source"));
        });
    }

    [Test]
    public async Task A_mirror_that_is_declared_is_the_channel_that_it_mirrors()
    {
        var id = await LogAsync(Bob, _machine, "/opt/mirrored", Conda("heron", "9.9") with { Channel = "https://conda.example.org/cf" });
        var set = await ScannedAsync(id);
        Assert.That(await UncheckedAsync(set), Is.EqualTo(1));
        await using var second = await StartAnotherAsync(new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Scanner:ChannelAliases:0:Channel"] = "https://conda.example.org/cf",
            ["Scanner:ChannelAliases:0:MirrorOf"] = "conda-forge",
        });
        await Eventually.BecomesTrueAsync(async () => await UncheckedAsync(set) == 0, "it was matched again", 20);
        Assert.That(await ScanAsync(second, "heron", "https://conda.example.org/cf"), Does.EndWith("1 checked"));
    }

    private static PackageEntry Package(string name) => Conda(name, "1.0") with { Channel = Ours };

    private static (int Added, int Changed, int Withdrawn) Outcome(JsonElement import) =>
        (import.GetProperty("added").GetInt32(), import.GetProperty("changed").GetInt32(), import.GetProperty("withdrawn").GetInt32());

    private static byte[] Mapping(params (string Conda, string[]? PyPi)[] entries) =>
        JsonSerializer.SerializeToUtf8Bytes(entries.ToDictionary(entry => entry.Conda, entry => entry.PyPi));

    private static byte[] Years(IEnumerable<int> years) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["vulnerabilities"] = new JsonArray([.. years.Select(year => new JsonObject
        {
            ["cve"] = new JsonObject
            {
                ["id"] = $"CVE-{year}-0001",
                ["published"] = "2026-01-01T00:00:00.000",
                ["lastModified"] = "2026-01-02T00:00:00.000",
                ["vulnStatus"] = "Analyzed"
            },
        })]),
    });

    private Task<long> GenerationAsync() => ScalarAsync<long>(Db, "select generation from advisory_state");

    private Task<int> UncheckedAsync(long set) =>
        ScalarAsync<int>(Db, "select not_checked from set_counts where set_id = @set", new { set });

    private async Task<string[]> RematchedAsync(long generation) =>
        (await ScalarAsync<string>(Db, "select coalesce(string_agg(distinct name, ' '), '') from packages where generation > @generation",
            new { generation })).Split(' ');

    private int[] Told(EnvironmentId id) => [.. Events.Heard<EnvironmentScanned>().SelectMany(e => e.Sets)
        .Where(e => e.Environments.Contains(id)).Select(e => e.Vulnerabilities.Total)];

    private async Task<string?[]> FindingsAsync(TestCaller caller, EnvironmentId id) =>
        [
            .. (await GetAsync(caller, $"environments/{id}/vulnerabilities")).GetProperty("items").EnumerateArray()
                .Select(item => item.GetProperty("id").GetString())
        ];

    private async Task<HttpResponseMessage> PostAsync(string query, string file)
    {
        using var client = Scanner.As(Operator);
        using var content = new StringContent(file, Encoding.UTF8, "application/json");
        return await client.PostAsync(new Uri("/api/v1/advisories/imports?" + query, UriKind.Relative), content);
    }

    /// <summary>What a package was mapped to and by which rule, how much was found in it, and how it was checked.</summary>
    private async Task<string> ScanAsync(ServiceFixture<ScannerOptions> scanner, string name, string channel, string build = "py39_0")
    {
        using var client = scanner.As(Ada);
        var package =
            new JsonObject { ["manager"] = "conda", ["name"] = name, ["version"] = "1.0", ["build"] = build, ["channel"] = channel };
        using var content = new StringContent(
            new JsonObject { ["packages"] = new JsonArray(package) }.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri($"/api/v1/orgs/{Ada.Memberships[0].Slug}/scans", UriKind.Relative), content);
        var scanned = (await OkAsync(response)).GetProperty("packages")[0];
        var mapping = scanned.GetProperty("mapping");
        var coverage = scanned.GetProperty("reason").GetString() ?? scanned.GetProperty("coverage").GetString();
        return $"{mapping.GetProperty("basis").GetString()} {mapping.GetProperty("project").GetString()} "
            + $"{scanned.GetProperty("vulnerabilities").GetArrayLength()} {coverage}";
    }
}
