using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Identity;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Gateway.Tests;

/// <summary>The real Identity, gateways in front of it, and a server in place of the other services.</summary>
internal sealed class Platform : IAsyncDisposable
{
    private readonly TestDatabase _database;
    private readonly Downstream _downstream;
    private readonly List<ServiceFixture<GatewayOptions>> _gateways = [];
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "envplatform-tests", Guid.CreateVersion7().ToString("N"));

    private Platform(TestDatabase database, Downstream downstream) => (_database, _downstream) = (database, downstream);

    public ServiceFixture<IdentityOptions> Identity { get; private set; } = null!;

    public ServiceFixture<GatewayOptions> Gateway => _gateways[0];

    public string OperatorToken { get; private set; } = null!;

    /// <summary>The operator's.</summary>
    public string Email => (string)Bootstrap["email"]!;

    public string Password => (string)Bootstrap["password"]!;

    private JsonNode Bootstrap => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "bootstrap.json")))!;

    public static async Task<Platform> StartAsync(params (string Key, string Value)[] settings)
    {
        var platform = new Platform(await TestDatabase.CreateAsync(), await Downstream.StartAsync());
        platform.Identity = await ServiceFixture<IdentityOptions>.StartAsync(
            "identity", platform._database,
            new Dictionary<string, string?> { ["BOOTSTRAP_FILE"] = Path.Combine(platform._folder, "bootstrap.json") });
        platform.OperatorToken = (string)platform.Bootstrap["token"]!;
        await platform.StartGatewayAsync(settings);
        return platform;
    }

    public async Task<ServiceFixture<GatewayOptions>> StartGatewayAsync(params (string Key, string Value)[] settings)
    {
        var more = new Dictionary<string, string?>
        {
            ["Messaging:Prefix"] = Identity.MessagingPrefix,
            ["services:identity:http:0"] = Identity.Address.ToString(),
            ["services:identity:grpc:0"] = Identity.GrpcAddress.ToString(),
            ["services:ingest:http:0"] = _downstream.Address,
            ["services:scanner:http:0"] = _downstream.Address,
            ["services:policy:http:0"] = _downstream.Address,
            ["services:audit:http:0"] = _downstream.Address,
        };
        foreach (var (key, value) in settings)
        {
            more[key] = value;
        }

        var gateway = await ServiceFixture<GatewayOptions>.StartAsync(null, null, more);
        _gateways.Add(gateway);
        return gateway;
    }

    public HttpClient With(string? token, ServiceFixture<GatewayOptions>? through = null)
    {
        var client = new HttpClient { BaseAddress = (through ?? Gateway).Address };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return client;
    }

    public HttpClient AsOperator() => With(OperatorToken);

    /// <summary>A token of the operator for the organization <c>default</c>.</summary>
    /// <param name="allowedIps">From where it is good; null: from everywhere.</param>
    public async Task<(string Id, string Token)> CreateTokenAsync(DateTimeOffset? expiresAt = null, string[]? allowedIps = null)
    {
        using var client = AsOperator();
        using var response = await client.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens",
            new { name = "test", expires_at = expiresAt ?? TimeProvider.System.GetUtcNow().AddDays(1), allowed_ips = allowedIps });
        response.EnsureSuccessStatusCode();
        var answer = await response.JsonAsync();
        return ((string)answer["id"]!, (string)answer["token"]!);
    }

    /// <summary>A session token of the operator.</summary>
    public async Task<string> SignInAsync()
    {
        using var nobody = With(null);
        using var response = await nobody.PostAsJsonAsync(
            "/api/v1/sign-in", new { email = (string)Bootstrap["email"]!, password = (string)Bootstrap["password"]! });
        response.EnsureSuccessStatusCode();
        return (string)(await response.JsonAsync())["token"]!;
    }

    /// <summary>A statement on the database of Identity.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var db = NpgsqlDataSource.Create(_database.ConnectionString);
        await db.ExecuteAsync(sql);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _gateways)
        {
            await gateway.DisposeAsync();
        }

        await Identity.DisposeAsync();
        await _downstream.DisposeAsync();
        await _database.DisposeAsync();
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
