using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Ingest.Tests;

/// <summary>Ingest on real servers, and a caller with a machine to log from.</summary>
public abstract class IngestFixture
{
    private TestDatabase _database = null!;

    protected ServiceFixture<IngestOptions> Service { get; private set; } = null!;

    protected EventRecorder Events { get; private set; } = null!;

    protected NpgsqlDataSource Db { get; private set; } = null!;

    protected TestPeople People { get; } = new();

    protected Membership Organization => People.Organization;

    protected TestCaller Ada => People.Ada;

    protected TestCaller Bob => People.Bob;

    protected TestCaller Eve => People.Eve;

    protected TestCaller Mallory => People.Mallory;

    protected MachineId BobsMachine { get; private set; }

    /// <summary>Settings of a fixture's own.</summary>
    protected virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    /// <summary>What Ingest does when Identity and Scanner are away.</summary>
    private static readonly Dictionary<string, string?> NobodyThere = AwayServices.Settings("identity", "scanner");

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        Service = await ServiceFixture<IngestOptions>.StartAsync(
            "ingest", _database, NobodyThere.Concat(Settings).ToDictionary(StringComparer.Ordinal));
        Db = NpgsqlDataSource.Create(_database.ConnectionString);
        Events = await EventRecorder.StartAsync(Service.MessagingPrefix, on => on
            .Event<EnvironmentLogged>().Event<EnvironmentRenamed>().Event<EnvironmentArchived>().Event<EnvironmentRemoved>()
            .Event<EnvironmentMerged>().Event<ChannelsCounted>().Event<AuditEventOccurred>());
        BobsMachine = await RegisterMachineAsync(Bob, "bobs-laptop");
    }

    [OneTimeTearDown]
    public Task StopAsync() => Disposal.OfAsync(Events, Service, Db, _database);

    /// <summary>A second instance of the service on the same database and queues.</summary>
    protected Task<ServiceFixture<IngestOptions>> StartAnotherAsync() =>
        ServiceFixture<IngestOptions>.StartAsync(
            "ingest", _database,
            new Dictionary<string, string?>(NobodyThere, StringComparer.Ordinal) { ["Messaging:Prefix"] = Service.MessagingPrefix });

    protected static OrganizationId OrgOf(TestCaller caller) => caller.Memberships[0].Id;

    /// <summary>Publishes a machine to Ingest, as Identity does.</summary>
    protected Task<MachineId> RegisterMachineAsync(
        TestCaller owner, string hostname = "host", MachineId? id = null, DateTimeOffset? at = null) =>
        Db.RegisterMachineAsync(owner, hostname, id, at);

    protected Task PublishAsync<T>(params T[] messages) where T : class => Db.PublishAsync(messages);

    protected Task PublishTwiceAsync<T>(T message) where T : class => Db.PublishAgainAsync(message, 2);

    protected Task<T> ScalarAsync<T>(string sql, object? parameters = null) => Db.ScalarAsync<T>(sql, parameters);

    /// <summary>Waits until the outbox is empty.</summary>
    protected Task OutboxDrainsAsync() =>
        Eventually.BecomesTrueAsync(async () => await ScalarAsync<long>("select count(*) from outbox") == 0, "the outbox is empty", 30);

    protected static PackageEntry Conda(string name, string version, string build = "py39_0", bool requested = false) =>
        new("conda", name, version, build, "linux-64", "conda-forge", null, null, requested);

    protected static PackageEntry Pypi(string name, string version) => new("pypi", name, version, null, null, null, null, null, null);

    protected static PackageKey KeyOf(PackageEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return new(entry.Manager!, entry.Channel ?? "", entry.Subdir ?? "", entry.Name!, entry.Version!, entry.Build ?? "");
    }

    protected static string DigestOf(IEnumerable<PackageEntry> packages) => PackageSetDigest.Compute(packages.Select(KeyOf));

    /// <summary>The body of a log; without packages when <paramref name="digestOnly"/>.</summary>
    protected JsonObject Body(
        IReadOnlyList<PackageEntry> packages, string prefix = "/opt/env", MachineId? machine = null, bool digestOnly = false,
        string? previousPrefix = null, string? name = null, string command = "conda install x")
    {
        var body = new JsonObject
        {
            ["machine_id"] = (machine ?? BobsMachine).ToString(),
            ["prefix"] = prefix,
            ["name"] = name ?? prefix.Split('/')[^1],
            ["platform"] = "linux-64",
            ["command"] = command,
            ["digest"] = DigestOf(packages),
        };
        if (!digestOnly)
        {
            body["packages"] = JsonSerializer.SerializeToNode(packages, Json.Options);
        }

        if (previousPrefix is not null)
        {
            body["previous_prefix"] = previousPrefix;
        }

        return body;
    }

    protected Task<HttpResponseMessage> LogAsync(TestCaller? caller, JsonNode body, ServiceFixture<IngestOptions>? service = null) =>
        SendAsync(HttpMethod.Post, caller, "environment-logs", body, service: service);

    /// <summary>Logs and returns the answer, which must be a success.</summary>
    protected async Task<JsonElement> LoggedAsync(TestCaller caller, JsonNode body)
    {
        using var response = await LogAsync(caller, body);
        Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Sends a request below <c>/api/v1/orgs/{org}/</c>.</summary>
    protected Task<HttpResponseMessage> SendAsync(
        HttpMethod method, TestCaller? caller, string path, JsonNode? body = null, string? org = null,
        ServiceFixture<IngestOptions>? service = null) =>
        (service ?? Service).SendAsync(
            method, caller, path, body is null ? null : JsonContent.Create(body, options: Json.Options),
            org ?? (caller is null ? Organization.Slug : null));

    protected Task<JsonElement> GetAsync(TestCaller caller, string path) => Service.GetAsync(caller, path);

    protected Task<List<JsonElement>> GetAllAsync(TestCaller caller, string path, int limit) => Service.GetAllAsync(caller, path, limit);

    protected async Task<HttpResponseMessage> PostBytesAsync(
        TestCaller caller, byte[] body, string? encoding = null, string contentType = "application/json")
    {
        using var client = Service.As(caller);
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        ArgumentNullException.ThrowIfNull(caller);
        // A server may answer and close before it has read a body that is too large.
        client.DefaultRequestHeaders.ExpectContinue = true;
        return await client.PostAsync(new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative), content);
    }
}
