using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Scanner and Ingest on real servers, each with its own database, hearing each other.</summary>
public abstract class ScannerFixture
{
    private TestDatabase scannerDatabase = null!;
    private TestDatabase ingestDatabase = null!;

    protected ServiceFixture<ScannerOptions> Scanner { get; private set; } = null!;

    protected ServiceFixture<IngestOptions> Ingest { get; private set; } = null!;

    protected EventRecorder Events { get; private set; } = null!;

    /// <summary>The scanner's database.</summary>
    protected NpgsqlDataSource Db { get; private set; } = null!;

    protected NpgsqlDataSource IngestDb { get; private set; } = null!;

    protected Membership Organization { get; } = TestCaller.NewOrganization();

    /// <summary>An administrator of the organization.</summary>
    protected TestCaller Ada { get; private set; } = null!;

    /// <summary>Members of the organization.</summary>
    protected TestCaller Bob { get; private set; } = null!;

    protected TestCaller Eve { get; private set; } = null!;

    /// <summary>An administrator of another organization.</summary>
    protected TestCaller Mallory { get; private set; } = null!;

    /// <summary>Runs the platform.</summary>
    protected TestCaller Operator { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        scannerDatabase = await TestDatabase.CreateAsync();
        ingestDatabase = await TestDatabase.CreateAsync();
        Ingest = await ServiceFixture<IngestOptions>.StartAsync(
            "ingest", ingestDatabase, new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["services:identity:grpc:0"] = "http://127.0.0.1:9",
                ["services:scanner:grpc:0"] = "http://127.0.0.1:9",
            });
        Scanner = await StartScannerAsync(scannerDatabase, Ingest.MessagingPrefix);
        Db = NpgsqlDataSource.Create(scannerDatabase.ConnectionString);
        IngestDb = NpgsqlDataSource.Create(ingestDatabase.ConnectionString);
        Events = await EventRecorder.StartAsync(
            Ingest.MessagingPrefix, on => on.Event<EnvironmentLogged>().Event<EnvironmentScanned>().Event<AuditEventOccurred>());
        Ada = TestCaller.Of(Organization, "ada@example.org");
        Bob = TestCaller.Of(Organization with { Role = Roles.Member }, "bob@example.org");
        Eve = TestCaller.Of(Organization with { Role = Roles.Member }, "eve@example.org");
        Mallory = TestCaller.Of(TestCaller.NewOrganization(), "mallory@example.net");
        Operator = TestCaller.Of(Organization, "operator@example.org") with { IsOperator = true };
        await PrepareAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Events is not null)
        {
            await Events.DisposeAsync();
        }

        if (Scanner is not null)
        {
            await Scanner.DisposeAsync();
        }

        if (Ingest is not null)
        {
            await Ingest.DisposeAsync();
        }

        if (Db is not null)
        {
            await Db.DisposeAsync();
        }

        if (IngestDb is not null)
        {
            await IngestDb.DisposeAsync();
        }

        if (scannerDatabase is not null)
        {
            await scannerDatabase.DisposeAsync();
        }

        if (ingestDatabase is not null)
        {
            await ingestDatabase.DisposeAsync();
        }
    }

    /// <summary>What a fixture needs once before its tests.</summary>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    /// <summary>A second instance on the same database and queues.</summary>
    /// <param name="more">Settings of its own.</param>
    protected Task<ServiceFixture<ScannerOptions>> StartAnotherAsync(IReadOnlyDictionary<string, string?>? more = null) =>
        StartScannerAsync(scannerDatabase, Ingest.MessagingPrefix, more);

    protected Task<ServiceFixture<ScannerOptions>> StartScannerAsync(TestDatabase database, string? messagingPrefix, IReadOnlyDictionary<string, string?>? more = null)
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

    /// <summary>Lets Ingest hear of a machine as it does from Identity.</summary>
    protected async Task<MachineId> RegisterMachineAsync(TestCaller owner)
    {
        ArgumentNullException.ThrowIfNull(owner);
        var machine = new MachineId(Guid.CreateVersion7());
        await PublishAsync(IngestDb, new MachineRegistered(owner.Memberships[0].Id, machine, owner.SubjectId, "host", "linux-64", "1.0", TimeProvider.System.GetUtcNow()));
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(IngestDb, "select count(*) from machines where machine_id = @Value", machine) == 1, "the machine is known");
        return machine;
    }

    /// <summary>Publishes through a service's own outbox.</summary>
    protected static async Task PublishAsync<T>(NpgsqlDataSource db, params T[] messages) where T : class
    {
        await using var tx = await db.BeginAsync(default);
        foreach (var message in messages)
        {
            tx.Publish(message);
        }

        await tx.CommitAsync();
    }

    /// <summary>Publishes one message several times, as a broker may after a lost acknowledgement.</summary>
    protected static async Task PublishAgainAsync<T>(NpgsqlDataSource db, T message, int times) where T : class
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync();
        var row = new { Id = Guid.CreateVersion7(), Type = typeof(T).Name, Body = JsonSerializer.Serialize(message, Json.Options), times };
        await connection.ExecuteAsync(
            "insert into outbox (message_id, message_type, body) select @Id, @Type, @Body from generate_series(1, @times); notify outbox", row);
    }

    protected static async Task<T> ScalarAsync<T>(NpgsqlDataSource db, string sql, object? parameters = null)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

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
                new PackageKey(entry.Manager!, entry.Channel ?? "", entry.Subdir ?? "", entry.Name!, entry.Version ?? "", entry.Build ?? ""))),
            ["packages"] = JsonSerializer.SerializeToNode(packages, Json.Options),
        };
        using var client = Ingest.As(caller);
        using var response = await client.PostAsJsonAsync(new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative), body, Json.Options);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), answer);
        return new(JsonDocument.Parse(answer).RootElement.GetProperty("environment_id").GetGuid());
    }

    /// <summary>Waits until an environment is scanned on the version given, and returns its set.</summary>
    protected async Task<long> ScannedAsync(EnvironmentId id, long version = 1)
    {
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(Db, "select count(*) from environments where environment_id = @Value and logged_version >= @version", new { id.Value, version }) == 1,
            $"environment {id} is scanned", 40);
        return await ScalarAsync<long>(Db, "select set_id from environments where environment_id = @Value", id);
    }

    protected static PackageEntry Conda(string name, string version, string build = "py39_0") =>
        new("conda", name, version, build, "linux-64", "conda-forge", null, null, null);

    protected static PackageEntry PyPi(string name, string version) => new("pypi", name, version, null, null, null, null, null, null);

    /// <summary>Sends a request below <c>/api/v1/orgs/{org}/</c>.</summary>
    protected async Task<HttpResponseMessage> SendAsync(HttpMethod method, TestCaller? caller, string path, HttpContent? body = null, string? org = null)
    {
        using var client = Scanner.As(caller);
        using var request = new HttpRequestMessage(method, new Uri($"/api/v1/orgs/{org ?? (caller ?? Ada).Memberships[0].Slug}/{path}", UriKind.Relative)) { Content = body };
        return await client.SendAsync(request);
    }

    protected async Task<JsonElement> GetAsync(TestCaller caller, string path)
    {
        using var response = await SendAsync(HttpMethod.Get, caller, path);
        return await OkAsync(response);
    }

    protected static async Task<JsonElement> OkAsync(HttpResponseMessage response)
    {
        ArgumentNullException.ThrowIfNull(response);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Every item of a list, page by page; each page must say the same exact count.</summary>
    protected async Task<List<JsonElement>> GetAllAsync(TestCaller caller, string path, int limit)
    {
        ArgumentNullException.ThrowIfNull(path);
        var items = new List<JsonElement>();
        var counts = new HashSet<long>();
        var cursor = "";
        do
        {
            var page = await GetAsync(caller, $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={limit}{cursor}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            counts.Add(page.GetProperty("total_count").GetInt64());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? "&cursor=" + Uri.EscapeDataString(next) : null;
        }
        while (cursor is not null);

        Assert.That(counts, Is.EqualTo(new[] { (long)items.Count }), "total_count");
        return items;
    }

    /// <summary>Sends a file of advisories and returns the import's id.</summary>
    protected static async Task<ImportId> SendImportAsync(ServiceFixture<ScannerOptions> scanner, TestCaller caller, byte[] file, string format = "osv")
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
    protected static JsonObject Record(string id, string project, string? introduced, string? fixedIn, string[]? aliases = null, string? vector = null, bool withdrawn = false)
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
