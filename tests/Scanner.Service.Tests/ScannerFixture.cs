using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Scanner and Ingest on real servers, each with its own database, receiving each other's events.</summary>
public abstract class ScannerFixture
{
    private TestDatabase _scannerDatabase = null!;
    private TestDatabase _ingestDatabase = null!;

    protected ServiceFixture<ScannerOptions> Scanner { get; private set; } = null!;

    protected ServiceFixture<IngestOptions> Ingest { get; private set; } = null!;

    protected EventRecorder Events { get; private set; } = null!;

    /// <summary>The scanner's database.</summary>
    protected NpgsqlDataSource Db { get; private set; } = null!;

    protected NpgsqlDataSource IngestDb { get; private set; } = null!;

    protected TestPeople People { get; } = new();

    protected Membership Organization => People.Organization;

    protected TestCaller Ada => People.Ada;

    protected TestCaller Bob => People.Bob;

    protected TestCaller Eve => People.Eve;

    protected TestCaller Mallory => People.Mallory;

    protected TestCaller Operator => People.Operator;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _scannerDatabase = await TestDatabase.CreateAsync();
        _ingestDatabase = await TestDatabase.CreateAsync();
        Ingest = await ServiceFixture<IngestOptions>.StartAsync("ingest", _ingestDatabase, AwayServices.Settings("identity", "scanner"));
        Scanner = await StartScannerAsync(_scannerDatabase, Ingest.MessagingPrefix);
        Db = NpgsqlDataSource.Create(_scannerDatabase.ConnectionString);
        IngestDb = NpgsqlDataSource.Create(_ingestDatabase.ConnectionString);
        Events = await EventRecorder.StartAsync(
            Ingest.MessagingPrefix, on => on.Event<EnvironmentLogged>().Event<EnvironmentScanned>().Event<AuditEventOccurred>());
        await PrepareAsync();
    }

    [OneTimeTearDown]
    public Task StopAsync() => Disposal.OfAsync(Events, Scanner, Ingest, Db, IngestDb, _scannerDatabase, _ingestDatabase);

    /// <summary>What a fixture needs once before its tests.</summary>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    /// <summary>A second instance on the same database and queues.</summary>
    /// <param name="more">Settings of its own.</param>
    protected Task<ServiceFixture<ScannerOptions>> StartAnotherAsync(IReadOnlyDictionary<string, string?>? more = null) =>
        StartScannerAsync(_scannerDatabase, Ingest.MessagingPrefix, more);

    protected Task<ServiceFixture<ScannerOptions>> StartScannerAsync(
        TestDatabase database, string? messagingPrefix, IReadOnlyDictionary<string, string?>? more = null)
    {
        var settings = new Dictionary<string, string?>(more ?? new Dictionary<string, string?>(), StringComparer.Ordinal)
        {
            ["services:ingest:grpc:0"] = Ingest.GrpcAddress.ToString(),
            ["Scanner:PollSeconds"] = "1",
        };
        if (messagingPrefix is not null)
        {
            settings["Messaging:Prefix"] = messagingPrefix;
        }

        return ServiceFixture<ScannerOptions>.StartAsync("scanner", database, settings);
    }

    /// <summary>A second instance of Ingest, which asks the scanner of the fixture what it found.</summary>
    protected Task<ServiceFixture<IngestOptions>> StartAskingIngestAsync()
    {
        var settings = new Dictionary<string, string?>(AwayServices.Settings("identity"), StringComparer.Ordinal)
        {
            ["services:scanner:grpc:0"] = Scanner.GrpcAddress.ToString(),
            ["Messaging:Prefix"] = Ingest.MessagingPrefix,
        };
        return ServiceFixture<IngestOptions>.StartAsync("ingest", _ingestDatabase, settings);
    }

    protected Task<MachineId> RegisterMachineAsync(TestCaller owner) => IngestDb.RegisterMachineAsync(owner);

    protected static Task PublishAsync<T>(NpgsqlDataSource db, params T[] messages) where T : class => db.PublishAsync(messages);

    protected static Task PublishAgainAsync<T>(NpgsqlDataSource db, T message, int times)
        where T : class => db.PublishAgainAsync(message, times);

    protected static Task<T> ScalarAsync<T>(NpgsqlDataSource db, string sql, object? parameters = null) =>
        db.ScalarAsync<T>(sql, parameters);

    /// <summary>Logs an environment and returns its id.</summary>
    protected async Task<EnvironmentId> LogAsync(TestCaller caller, MachineId machine, string prefix, params PackageEntry[] packages)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(prefix);
        var body = new JsonObject
        {
            ["machine_id"] = machine.ToString(),
            ["prefix"] = prefix,
            ["name"] = prefix.Split('/')[^1],
            ["platform"] = "linux-64",
            ["digest"] = PackageSetDigest.Compute(packages.Select(entry =>
                new PackageKey(
                    entry.Manager!, entry.Channel ?? "", entry.Subdir ?? "", entry.Name!, entry.Version ?? "", entry.Build ?? ""))),
            ["packages"] = JsonSerializer.SerializeToNode(packages, Json.Options),
        };
        using var client = Ingest.As(caller);
        using var response = await client.PostAsJsonAsync(
            new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative), body, Json.Options);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), answer);
        return new(JsonDocument.Parse(answer).RootElement.GetProperty("environment_id").GetGuid());
    }

    /// <summary>Waits until an environment is scanned on the version given, and returns its set.</summary>
    protected async Task<long> ScannedAsync(EnvironmentId id, long version = 1)
    {
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(
                Db, "select count(*) from environments where environment_id = @Value and logged_version >= @version",
                new { id.Value, version }) == 1,
            $"environment {id} is scanned", 40);
        return await ScalarAsync<long>(Db, "select set_id from environments where environment_id = @Value", id);
    }

    protected static PackageEntry Conda(string name, string version, string build = "py39_0") =>
        new("conda", name, version, build, "linux-64", "conda-forge", null, null, null);

    protected static PackageEntry PyPi(string name, string version) => new("pypi", name, version, null, null, null, null, null, null);

    /// <summary>Sends a request below <c>/api/v1/orgs/{org}/</c>.</summary>
    protected Task<HttpResponseMessage> SendAsync(
        HttpMethod method, TestCaller? caller, string path, HttpContent? body = null, string? org = null) =>
        Scanner.SendAsync(method, caller, path, body, org ?? (caller is null ? Organization.Slug : null));

    protected Task<JsonElement> GetAsync(TestCaller caller, string path) => Scanner.GetAsync(caller, path);

    protected static Task<JsonElement> OkAsync(HttpResponseMessage response) => response.OkAsync();

    protected Task<List<JsonElement>> GetAllAsync(TestCaller caller, string path, int limit) => Scanner.GetAllAsync(caller, path, limit);

    /// <summary>Sends a file of advisories and returns the import's id.</summary>
    protected static async Task<ImportId> SendImportAsync(
        ServiceFixture<ScannerOptions> scanner, TestCaller caller, byte[] file, string format = "osv")
    {
        ArgumentNullException.ThrowIfNull(scanner);
        using var client = scanner.As(caller);
        using var content = new ByteArrayContent(file);
        using var response = await client.PostAsync(new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(202), answer);
        return new(JsonDocument.Parse(answer).RootElement.GetProperty("id").GetGuid());
    }

    /// <summary>Waits for an import to end.</summary>
    protected static async Task<JsonElement> EndedAsync(ServiceFixture<ScannerOptions> scanner, TestCaller caller, ImportId id)
    {
        ArgumentNullException.ThrowIfNull(scanner);
        using var client = scanner.As(caller);
        var ended = await Eventually.GetAsync(
            async () =>
            {
                var import = await client.GetFromJsonAsync<JsonElement>(new Uri($"/api/v1/advisories/imports/{id}", UriKind.Relative));
                return import.GetProperty("status").GetString() == "running" ? null : (object)import;
            }, "the import ended", 60);
        return (JsonElement)ended;
    }

    protected async Task<JsonElement> ImportAsync(byte[] file, string format = "osv", ServiceFixture<ScannerOptions>? on = null)
    {
        var import = await EndedAsync(on ?? Scanner, Operator, await SendImportAsync(on ?? Scanner, Operator, file, format));
        Assert.That(import.GetProperty("status").GetString(), Is.EqualTo("completed"), import.ToString());
        return import;
    }

    /// <summary>An OSV record.</summary>
    protected static JsonObject Record(
        string id, string project, string? introduced, string? fixedIn, string[]? aliases = null, string? vector = null,
        bool withdrawn = false)
    {
        var events = new JsonArray(new JsonObject { ["introduced"] = introduced ?? "0" });
        if (fixedIn is not null)
        {
            events.Add(new JsonObject { ["fixed"] = fixedIn });
        }

        var record = new JsonObject
        {
            ["id"] = id,
            ["modified"] = "2026-01-02T03:04:05Z",
            ["published"] = "2026-01-01T00:00:00Z",
            ["details"] = $"What {id} says. And more.",
            ["aliases"] = new JsonArray([.. (aliases ?? []).Select(alias => (JsonNode)alias)]),
            ["affected"] = new JsonArray(new JsonObject
            {
                ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = project },
                ["ranges"] = new JsonArray(new JsonObject { ["type"] = "ECOSYSTEM", ["events"] = events }),
            }),
        };
        if (vector is not null)
        {
            record["severity"] = new JsonArray(new JsonObject { ["type"] = "CVSS_V3", ["score"] = vector });
        }

        if (withdrawn)
        {
            record["withdrawn"] = "2026-01-02T00:00:00Z";
        }

        return record;
    }

    protected static byte[] File(params JsonObject[] records) => JsonSerializer.SerializeToUtf8Bytes(records);

    /// <summary>CVSS 3.1, base score 9.8.</summary>
    protected const string Critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

    /// <summary>CVSS 3.1, base score 7.5.</summary>
    protected const string High = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";

    /// <summary>CVSS 3.1, base score 5.3.</summary>
    protected const string Medium = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N";
}
