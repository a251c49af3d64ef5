extern alias ingest;
extern alias scanner;

using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Testing;

using Npgsql;

using IngestOptions = ingest::EnvPlatform.Ingest.IngestOptions;
using ScannerOptions = scanner::EnvPlatform.Scanner.ScannerOptions;
using ServiceJson = EnvPlatform.ServiceDefaults.Json;

namespace EnvPlatform.Policy.Tests.Facts;

/// <summary>A package as an agent logs it.</summary>
public sealed record Logged(string Manager, string Name, string Version, string? License = null, string Build = "", string Channel = "")
{
    public static Logged PyPi(string name, string version, string? license = null) => new("pypi", name, version, license);

    public static Logged Conda(string name, string version, string? license = null, string build = "h1_0") =>
        new("conda", name, version, license, build, "conda-forge");

    public PackageKey Key => new(Manager, Channel, Manager == "conda" ? "linux-64" : "", Name, Version, Build);
}

/// <summary>Policy, Scanner and Ingest on real servers, which receive each other's events.</summary>
public abstract class FactsFixture
{
    /// <summary>CVSS 3.1, base score 9.8.</summary>
    protected const string Critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

    /// <summary>CVSS 3.1, base score 9.1.</summary>
    protected const string LessCritical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N";

    private TestDatabase _ingestDatabase = null!;
    private TestDatabase _scannerDatabase = null!;
    private NpgsqlDataSource _ingestDb = null!;

    protected PolicyPlatform Platform { get; private set; } = null!;

    protected ServiceFixture<IngestOptions> Ingest { get; private set; } = null!;

    protected ServiceFixture<ScannerOptions> Scanner { get; private set; } = null!;

    protected NpgsqlDataSource ScannerDb { get; private set; } = null!;

    protected TestPeople People { get; } = new();

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _ingestDatabase = await TestDatabase.CreateAsync();
        _scannerDatabase = await TestDatabase.CreateAsync();
        Ingest = await ServiceFixture<IngestOptions>.StartAsync("ingest", _ingestDatabase, AwayServices.Settings("identity", "scanner"));
        await StartScannerAsync(null);
        Platform = await PolicyPlatform.StartAsync(2, new Dictionary<string, string?>
        {
            ["Messaging:Prefix"] = Ingest.MessagingPrefix,
            ["services:ingest:grpc:0"] = Ingest.GrpcAddress.ToString(),
            ["services:scanner:grpc:0"] = Scanner.GrpcAddress.ToString(),
        });
        _ingestDb = NpgsqlDataSource.Create(_ingestDatabase.ConnectionString);
        ScannerDb = NpgsqlDataSource.Create(_scannerDatabase.ConnectionString);
        // Whoever decides deletes the marks.
        await Platform.Db.ExecuteAsync(
            """
            create table marked (org_id uuid, package_set_id bigint);
            grant insert on marked to public;
            create function keep_mark() returns trigger language plpgsql as $$
            begin
                insert into marked values (new.org_id, new.package_set_id);
                return null;
            end $$;
            create trigger keep_mark after insert on stale_decisions for each row execute function keep_mark();
            """);
    }

    [OneTimeTearDown]
    public Task StopAsync() => Disposal.OfAsync(Platform, Scanner, Ingest, ScannerDb, _ingestDb, _scannerDatabase, _ingestDatabase);

    /// <param name="grpcPort">Null for any.</param>
    protected async Task StartScannerAsync(int? grpcPort)
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Messaging:Prefix"] = Ingest.MessagingPrefix,
            ["services:ingest:grpc:0"] = Ingest.GrpcAddress.ToString(),
            ["Scanner:PollSeconds"] = "1",
        };
        if (grpcPort is { } port)
        {
            settings["GRPC_PORT"] = $"{port}";
        }

        Scanner = await ServiceFixture<ScannerOptions>.StartAsync("scanner", _scannerDatabase, settings);
    }

    protected Task<MachineId> RegisterMachineAsync(TestCaller owner) => _ingestDb.RegisterMachineAsync(owner);

    /// <summary>Logs an environment, waits until its facts are known, and returns its set.</summary>
    protected async Task<long> LogAsync(TestCaller caller, MachineId machine, params Logged[] packages)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var id = await SendLogAsync(caller, machine, packages);
        await Eventually.BecomesTrueAsync(
            async () => await CountAsync(
                """
                select count(*) from environment_status e join scan_facts f using (org_id, package_set_id)
                where environment_id = @id and facts_at is not null
                """, new { id }) == 1, "the facts of the environment's set are known");
        return await Platform.Db.ScalarAsync<long>("select package_set_id from environment_status where environment_id = @id", new { id });
    }

    protected async Task<Guid> SendLogAsync(TestCaller caller, MachineId machine, params Logged[] packages)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var body = new JsonObject
        {
            ["machine_id"] = machine.ToString(),
            ["prefix"] = "/opt/" + Guid.CreateVersion7().ToString("N"),
            ["name"] = "science",
            ["platform"] = "linux-64",
            ["digest"] = PackageSetDigest.Compute(packages.Select(package => package.Key)),
            ["packages"] = new JsonArray([.. packages.Select(package => (JsonNode)new JsonObject
            {
                ["manager"] = package.Manager,
                ["name"] = package.Name,
                ["version"] = package.Version,
                ["build"] = package.Build,
                ["subdir"] = package.Key.Subdir,
                ["channel"] = package.Channel,
                ["license"] = package.License,
            })]),
        };
        using var client = Ingest.As(caller);
        using var response = await client.PostAsJsonAsync(
            new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative), body, ServiceJson.Options);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.That(response.IsSuccessStatusCode, Is.True, answer);
        return JsonDocument.Parse(answer).RootElement.GetProperty("environment_id").GetGuid();
    }

    protected async Task ImportAsync(string file, string format = "osv")
    {
        using var client = Scanner.As(People.Operator);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(file));
        using var response = await client.PostAsync(new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(202), answer);
        var id = JsonDocument.Parse(answer).RootElement.GetProperty("id").GetGuid();
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                var import = await client.GetFromJsonAsync<JsonElement>(new Uri($"/api/v1/advisories/imports/{id}", UriKind.Relative));
                Assert.That(import.GetProperty("status").GetString(), Is.Not.EqualTo("failed"), import.ToString());
                return import.GetProperty("status").GetString() == "completed";
            }, "the import ended", 60);
    }

    /// <summary>An OSV record of a project of PyPI.</summary>
    protected static string Record(
        string id, string project, string? fixedIn = null, string? alias = null, string vector = Critical,
        string modified = "2026-01-02") =>
        new JsonArray(new JsonObject
        {
            ["id"] = id,
            ["modified"] = modified + "T03:04:05Z",
            ["published"] = "2026-01-01T00:00:00Z",
            ["details"] = $"What {id} says.",
            ["aliases"] = alias is null ? [] : new JsonArray(alias),
            ["severity"] = new JsonArray(new JsonObject { ["type"] = "CVSS_V3", ["score"] = vector }),
            ["affected"] = new JsonArray(new JsonObject
            {
                ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = project },
                ["ranges"] = new JsonArray(new JsonObject
                {
                    ["type"] = "ECOSYSTEM",
                    ["events"] = fixedIn is null
                        ? new JsonArray(new JsonObject { ["introduced"] = "0" })
                        : new JsonArray(new JsonObject { ["introduced"] = "0" }, new JsonObject { ["fixed"] = fixedIn }),
                }),
            }),
        }).ToJsonString();

    protected async Task CurateAsync(string vulnerability, object verdict)
    {
        using var response = await Scanner.SendAsync(
            HttpMethod.Put, People.Ada, $"vulnerabilities/{vulnerability}/curation",
            JsonContent.Create(verdict, options: ServiceJson.Options));
        Assert.That(response.IsSuccessStatusCode, Is.True, await response.Content.ReadAsStringAsync());
    }

    protected Task<long> CountAsync(string sql, object? parameters = null) => Platform.Db.ScalarAsync<long>(sql, parameters);

    /// <summary>Forgets what is to be decided anew, once nothing is on the way any more.</summary>
    protected async Task SettleAsync()
    {
        await Eventually.BecomesTrueAsync(async () => await CountAsync("select count(*) from facts_to_fetch") == 0, "all is fetched");
        await Platform.Db.ExecuteAsync("delete from marked");
    }

    protected Task IsMarkedAsync(long set) => Eventually.BecomesTrueAsync(
        async () => await CountAsync("select count(*) from marked where package_set_id = @set", new { set }) > 0,
        $"set {set} is to be decided anew");

    /// <summary>The only row of a statement.</summary>
    protected async Task<IDictionary<string, object?>> RowAsync(string sql, object? parameters = null)
    {
        await using var connection = await Platform.Db.OpenConnectionAsync();
        return (IDictionary<string, object?>)await connection.QuerySingleAsync(sql, parameters);
    }
}
