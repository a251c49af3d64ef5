using System.IO.Compression;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Ingest.Tests;

/// <summary>Ingest on real servers, and somebody with a machine to log from.</summary>
public abstract class IngestFixture
{
    private TestDatabase database = null!;

    protected ServiceFixture<IngestOptions> Service { get; private set; } = null!;

    protected EventRecorder Events { get; private set; } = null!;

    protected NpgsqlDataSource Db { get; private set; } = null!;

    protected Membership Organization { get; } = TestCaller.NewOrganization();

    /// <summary>An administrator of the organization.</summary>
    protected TestCaller Ada { get; private set; } = null!;

    /// <summary>Members of the organization.</summary>
    protected TestCaller Bob { get; private set; } = null!;

    protected TestCaller Eve { get; private set; } = null!;

    /// <summary>An administrator of another organization.</summary>
    protected TestCaller Mallory { get; private set; } = null!;

    protected MachineId BobsMachine { get; private set; }

    /// <summary>Addresses where nobody listens: what Ingest does when Identity and Scanner are away.</summary>
    private static readonly Dictionary<string, string?> NobodyThere = new(StringComparer.Ordinal)
    {
        ["services:identity:grpc:0"] = "http://127.0.0.1:9",
        ["services:scanner:grpc:0"] = "http://127.0.0.1:9",
    };

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        database = await TestDatabase.CreateAsync();
        Service = await ServiceFixture<IngestOptions>.StartAsync("ingest", database, NobodyThere);
        Db = NpgsqlDataSource.Create(database.ConnectionString);
        Events = await EventRecorder.StartAsync(Service.MessagingPrefix, on => on
            .Event<EnvironmentLogged>().Event<EnvironmentRenamed>().Event<EnvironmentArchived>().Event<EnvironmentRemoved>().Event<AuditEventOccurred>());
        Ada = TestCaller.Of(Organization, "ada@example.org");
        Bob = TestCaller.Of(Organization with { Role = Roles.Member }, "bob@example.org");
        Eve = TestCaller.Of(Organization with { Role = Roles.Member }, "eve@example.org");
        Mallory = TestCaller.Of(TestCaller.NewOrganization(), "mallory@example.net");
        BobsMachine = await RegisterMachineAsync(Bob, "bobs-laptop");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Events is not null)
        {
            await Events.DisposeAsync();
        }

        if (Service is not null)
        {
            await Service.DisposeAsync();
        }

        if (Db is not null)
        {
            await Db.DisposeAsync();
        }

        if (database is not null)
        {
            await database.DisposeAsync();
        }
    }

    /// <summary>A second instance of the service on the same database and queues.</summary>
    protected Task<ServiceFixture<IngestOptions>> StartAnotherAsync() =>
        ServiceFixture<IngestOptions>.StartAsync(
            "ingest", database, new Dictionary<string, string?>(NobodyThere, StringComparer.Ordinal) { ["Messaging:Prefix"] = Service.MessagingPrefix });

    protected static OrganizationId OrgOf(TestCaller caller) => caller.Memberships[0].Id;

    /// <summary>Lets Ingest hear of a machine as it does from Identity.</summary>
    protected async Task<MachineId> RegisterMachineAsync(TestCaller owner, string hostname = "host", MachineId? id = null, DateTimeOffset? at = null)
    {
        var machine = new MachineRegistered(
            OrgOf(owner), id ?? new MachineId(Guid.CreateVersion7()), owner.SubjectId, hostname, "linux-64", "1.0", at ?? TimeProvider.System.GetUtcNow());
        await PublishAsync(machine);
        await Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>("select count(*) from machines where machine_id = @Value", machine.MachineId) == 1, "the machine is known");
        return machine.MachineId;
    }

    /// <summary>Publishes through the service's own outbox.</summary>
    protected async Task PublishAsync<T>(params T[] messages) where T : class
    {
        await using var tx = await Db.BeginAsync(default);
        foreach (var message in messages)
        {
            tx.Publish(message);
        }

        await tx.CommitAsync();
    }

    /// <summary>Publishes one message twice, as a broker may after a lost acknowledgement.</summary>
    protected async Task PublishTwiceAsync<T>(T message) where T : class
    {
        await using var connection = await Db.OpenConnectionAsync();
        var row = new { Id = Guid.CreateVersion7(), Type = typeof(T).Name, Body = JsonSerializer.Serialize(message, Json.Options) };
        await connection.ExecuteAsync(
            "insert into outbox (message_id, message_type, body) select @Id, @Type, @Body from generate_series(1, 2); notify outbox", row);
    }

    protected async Task<T> ScalarAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = await Db.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    /// <summary>Waits until all that was published has left.</summary>
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
        IReadOnlyList<PackageEntry> packages, string prefix = "/opt/env", MachineId? machine = null, bool digestOnly = false, string? previousPrefix = null,
        string? name = null, string command = "conda install x")
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

    /// <summary>Logs and returns the answer, which must be good.</summary>
    protected async Task<JsonElement> LoggedAsync(TestCaller caller, JsonNode body)
    {
        using var response = await LogAsync(caller, body);
        Assert.That((int)response.StatusCode, Is.AnyOf(200, 201), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Sends a request below <c>/api/v1/orgs/{org}/</c>.</summary>
    protected async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, TestCaller? caller, string path, JsonNode? body = null, string? org = null, ServiceFixture<IngestOptions>? service = null)
    {
        using var client = (service ?? Service).As(caller);
        using var request = new HttpRequestMessage(method, new Uri($"/api/v1/orgs/{org ?? (caller ?? Ada).Memberships[0].Slug}/{path}", UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body, options: Json.Options);
        }

        return await client.SendAsync(request);
    }

    protected async Task<JsonElement> GetAsync(TestCaller caller, string path)
    {
        using var response = await SendAsync(HttpMethod.Get, caller, path);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Every item of a list, page by page; each page must say the same exact count.</summary>
    protected async Task<List<JsonElement>> GetAllAsync(TestCaller caller, string path, int limit)
    {
        var items = new List<JsonElement>();
        var cursor = "";
        do
        {
            var page = await GetAsync(caller, $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={limit}{cursor}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? "&cursor=" + Uri.EscapeDataString(next) : null;
            if (cursor is null)
            {
                Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(items.Count), "total_count");
            }
        }
        while (cursor is not null);

        return items;
    }

    protected async Task<HttpResponseMessage> PostBytesAsync(TestCaller caller, byte[] body, string? encoding = null, string contentType = "application/json")
    {
        using var client = Service.As(caller);
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        ArgumentNullException.ThrowIfNull(caller);
        // A server may answer and close before it has read what is too large.
        client.DefaultRequestHeaders.ExpectContinue = true;
        return await client.PostAsync(new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative), content);
    }

    protected static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return packed.ToArray();
    }
}
