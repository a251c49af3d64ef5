using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Grpc.Core;
using Grpc.Net.Client;

using Npgsql;

using Directory = System.IO.Directory;

namespace EnvPlatform.Identity.Tests;

/// <summary>
/// Identity on real servers, after its first start. No other service runs: what it publishes stays in its outbox, where tests can read it.
/// </summary>
internal sealed class IdentityHost : IAsyncDisposable
{
    /// <summary>Of every member that is added.</summary>
    public const string Password = "correct horse battery staple";

    /// <summary>When the tokens that tests make end, where it does not matter.</summary>
    public static DateTimeOffset Tomorrow => TimeProvider.System.GetUtcNow().AddDays(1);

    private readonly TestDatabase _database;
    private readonly bool _ownsDatabase;
    private readonly GrpcChannel _channel;

    private IdentityHost(TestDatabase database, bool ownsDatabase, ServiceFixture<IdentityOptions> service, string bootstrapFile)
    {
        (_database, _ownsDatabase, Service, BootstrapFile) = (database, ownsDatabase, service, bootstrapFile);
        _channel = GrpcChannel.ForAddress(service.GrpcAddress);
        Db = NpgsqlDataSource.Create(database.ConnectionString);
    }

    public ServiceFixture<IdentityOptions> Service { get; }

    public string BootstrapFile { get; }

    public NpgsqlDataSource Db { get; }

    public JsonObject Bootstrap => JsonNode.Parse(File.ReadAllText(BootstrapFile))!.AsObject();

    public Contracts.Identity.Tokens.TokensClient TokensGrpc => new(_channel);

    public Contracts.Identity.Machines.MachinesClient MachinesGrpc => new(_channel);

    public Contracts.Identity.Directories.DirectoriesClient DirectoriesGrpc => new(_channel);

    /// <summary>The credentials of a service, as the gateway sends them.</summary>
    public static Metadata AsGateway => new()
    {
        { Assertion.Header, Assertion.OfService("gateway", TimeProvider.System.GetUtcNow()).Sign(ServiceFixture<IdentityOptions>.Key) }
    };

    public static async Task<IdentityHost> StartAsync(
        TestDatabase? on = null, string? bootstrapFile = null, params (string Key, string Value)[] settings)
    {
        var created = on ?? await TestDatabase.CreateAsync();
        var file = bootstrapFile
            ?? Path.Combine(Path.GetTempPath(), "envplatform-tests", Guid.CreateVersion7().ToString("N"), "bootstrap.json");
        var more = settings.ToDictionary(pair => pair.Key, pair => (string?)pair.Value);
        more["BOOTSTRAP_FILE"] = file;
        more["PUBLIC_URL"] = "http://127.0.0.1:8080";
        var service = await ServiceFixture<IdentityOptions>.StartAsync("identity", created, more);
        return new(created, on is null, service, file);
    }

    /// <param name="organization">That the request is about; null: all memberships are wanted.</param>
    public async Task<IntrospectReply> IntrospectAsync(string token, string? organization = null) =>
        await TokensGrpc.IntrospectAsync(
            organization is null
                ? new IntrospectRequest { Token = token, SourceAddress = "192.0.2.7", UserAgent = "tests" }
                : new() { Token = token, SourceAddress = "192.0.2.7", UserAgent = "tests", Organization = organization },
            AsGateway);

    /// <summary>A client for the bearer of a token, as the gateway would forward it.</summary>
    public async Task<HttpClient> AsBearerOfAsync(string token)
    {
        var reply = await IntrospectAsync(token);
        Assert.That(reply.Active, Is.True, "The token is not good.");
        return Service.As(new TestCaller(
            new SubjectId(Guid.Parse(reply.SubjectId)), reply.SubjectType, reply.Email.Length == 0 ? null : reply.Email, reply.Operator,
            [.. reply.Memberships.Select(
                m => new ServiceDefaults.Callers.Membership(new OrganizationId(Guid.Parse(m.OrganizationId)), m.Slug, m.Name, m.Role))])
        {
            TokenId = Guid.Parse(reply.TokenId),
            Scopes = reply.Scopes is { } scopes ? [.. scopes.Names] : null,
            MachineId = Guid.TryParse(reply.MachineId, out var machine) ? machine : null,
        });
    }

    public Task<HttpClient> AsOperatorAsync() => AsBearerOfAsync((string)Bootstrap["token"]!);

    /// <summary>A new organization of the operator.</summary>
    public async Task<string> CreateOrganizationAsync()
    {
        var slug = "org-" + Guid.CreateVersion7().ToString("N", CultureInfo.InvariantCulture)[^10..];
        using var client = await AsOperatorAsync();
        using var response = await client.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "Organization" });
        response.EnsureSuccessStatusCode();
        return slug;
    }

    /// <summary>The token of a new invitation.</summary>
    public async Task<string> InviteAsync(string org, string role, string email)
    {
        using var client = await AsOperatorAsync();
        using var response = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/members", new { email, display_name = "Ada", role });
        response.EnsureSuccessStatusCode();
        return (string)(await response.JsonAsync())["token"]!;
    }

    /// <summary>The initial token of a new member, who makes its account.</summary>
    public async Task<string> AddMemberAsync(string org, string role, string? email = null)
    {
        var token = await InviteAsync(org, role, email ?? $"{Guid.CreateVersion7():N}@example.org");
        using var nobody = Service.AsForwarded();
        using var response = await nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token, password = Password });
        response.EnsureSuccessStatusCode();
        return (string)(await response.JsonAsync())["token"]!;
    }

    public async Task<string> SignInAsync(string email, string password = Password)
    {
        using var nobody = Service.AsForwarded();
        using var response = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
        response.EnsureSuccessStatusCode();
        return (string)(await response.JsonAsync())["token"]!;
    }

    public async Task<HttpClient> AsNewMemberAsync(string org, string role = "member") =>
        await AsBearerOfAsync(await AddMemberAsync(org, role));

    /// <summary>The audit events of an action, oldest first.</summary>
    public async Task<List<JsonObject>> AuditAsync(string action) =>
        [.. (await OutboxAsync("AuditEventOccurred")).Where(body => (string?)body["action_key"] == action)];

    public async Task<List<JsonObject>> OutboxAsync(string messageType)
    {
        await using var command = Db.CreateCommand("select body from outbox where message_type = $1 order by id");
        command.Parameters.Add(new() { Value = messageType });
        await using var reader = await command.ExecuteReaderAsync();
        var bodies = new List<JsonObject>();
        while (await reader.ReadAsync())
        {
            bodies.Add(JsonNode.Parse(reader.GetString(0))!.AsObject());
        }

        return bodies;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = Db.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await Service.DisposeAsync();
        await Db.DisposeAsync();
        if (_ownsDatabase)
        {
            await _database.DisposeAsync();
        }

        if (Path.GetDirectoryName(BootstrapFile) is { } folder && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

internal static class HttpExtensions
{
    public static async Task<JsonObject> JsonAsync(this HttpResponseMessage response) =>
        JsonNode.Parse(await response.Content.ReadAsStringAsync())?.AsObject() ?? throw new JsonException("The answer is not an object.");
}
