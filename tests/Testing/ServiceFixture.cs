using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>
/// One service on real sockets with real PostgreSQL, RabbitMQ and Redis, a database and a message namespace of its own. Use
/// <see cref="As"/> for a client with a caller's identity.
/// </summary>
/// <typeparam name="TProgram">The service's entry point.</typeparam>
public sealed class ServiceFixture<TProgram> : WebApplicationFactory<TProgram> where TProgram : class
{
    private readonly Dictionary<string, string?> _given;

    private ServiceFixture(Dictionary<string, string?> settings) => _given = settings;

    /// <summary>The key with which the gateway signs its calls to this service.</summary>
    public static CallKey Key { get; } = KeyOf("gateway");

    private static string Service => typeof(TProgram).Assembly.GetName().Name!.Split('.')[^1].ToLowerInvariant();

    public Uri Address { get; private set; } = null!;

    public Uri GrpcAddress { get; private set; } = null!;

    /// <summary>The prefix of exchanges and queues: give it to another fixture to let both exchange messages.</summary>
    public string MessagingPrefix => _given["Messaging:Prefix"]!;

    /// <param name="database">The name of the service's connection string, and its database; null for a service without one.</param>
    /// <param name="more">Settings that are added or replaced.</param>
    public static async Task<ServiceFixture<TProgram>> StartAsync(
        string? database, TestDatabase? on = null, IReadOnlyDictionary<string, string?>? more = null)
    {
        var httpPort = TestPorts.Next();
        var grpcPort = TestPorts.Next();
        var settings = new Dictionary<string, string?>(TestKeys.SettingsOf(Service), StringComparer.OrdinalIgnoreCase)
        {
            ["urls"] = $"http://127.0.0.1:{httpPort}",
            ["GRPC_PORT"] = $"{grpcPort}",
            ["ConnectionStrings:messaging"] = TestServers.RabbitMqAs(Service),
            ["ConnectionStrings:redis"] = TestServers.Redis,
            ["Messaging:Prefix"] = "test" + Guid.CreateVersion7().ToString("N")[^12..],
            ["Postgres:RelayPollSeconds"] = "1",
        };
        if (database is not null)
        {
            settings[$"ConnectionStrings:{database}"] = on is null ? null : await on.PrepareAsync(typeof(TProgram).Assembly);
        }

        foreach (var (key, value) in more ?? new Dictionary<string, string?>())
        {
            settings[key] = value;
        }

        var fixture = new ServiceFixture<TProgram>(settings)
        {
            Address = new($"http://127.0.0.1:{httpPort}"),
            GrpcAddress = new($"http://127.0.0.1:{grpcPort}")
        };
        // A port given here would be the only one in use; the service listens where its settings say.
        fixture.UseKestrel();
        fixture.StartServer();
        fixture.RefuseEndpointsWithoutPolicy();
        await fixture.WaitUntilReadyAsync();
        await fixture.RefuseABadDescriptionAsync();
        return fixture;
    }

    /// <summary>The key with which another service signs its calls to this one.</summary>
    public static CallKey KeyOf(string caller) => TestKeys.Of(caller, Service);

    /// <summary>A client with a caller's identity; null for anonymous.</summary>
    public HttpClient As(TestCaller? caller) =>
        caller is null ? new() { BaseAddress = Address } : Signed(caller.ToAssertion);

    /// <summary>A client without a token, as the gateway forwards its requests.</summary>
    public HttpClient AsForwarded(string address = "192.0.2.7") => Signed(() => Assertion.OfNobody(
        Guid.CreateVersion7().ToString("N"), address, "tests", TimeProvider.System.GetUtcNow()));

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.UseEnvironment("Production");
        foreach (var (key, value) in _given)
        {
            builder.UseSetting(key, value);
        }

        builder.ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
    }

    /// <summary>Every endpoint names a policy, or is one of the few that are open to everyone. The list may only shrink.</summary>
    private void RefuseEndpointsWithoutPolicy()
    {
        string[] open =
        [
            "/health/live", "/health/ready", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watch",
            "/openapi/{documentName}.json", "/openapi/v1.json", "/oauth/{**rest}", "/api/v1/sign-in",
            "/api/v1/invitations/accept", "/api/v1/invitations/lookup", "/api/v1/invitations/decline", "/api/v1/enrol",
            "/api/v1/token-reports",
            "/", "/sign-in", "/sign-out", "/account/{**rest}", "/password/{**rest}", "/confirm",
            "/invitations/{**rest}", "/assets/{name}",
            "/.well-known/{document}", "/device/{**rest}", "/oauth/authorize",
        ];
        var wrong = Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => !endpoint.Metadata.OfType<IAuthorizeData>().Any(data => data.Policy is { Length: > 0 })
                && !endpoint.Metadata.OfType<AuthorizationPolicy>().Any())
            .Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null || !open.Contains(endpoint.RoutePattern.RawText))

            // What answers gRPC calls to services and methods that do not exist.
            .Where(endpoint => endpoint.RoutePattern.RawText?.Contains("{unimplementedMethod", StringComparison.Ordinal) != true)
            .Select(endpoint => endpoint.DisplayName ?? endpoint.RoutePattern.RawText);
        Assert.That(wrong, Is.Empty, "endpoints without a policy");
    }

    private async Task RefuseABadDescriptionAsync()
    {
        using var nobody = As(null);
        using var response = await nobody.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative));
        if (response.IsSuccessStatusCode)
        {
            Assert.That(OpenApiRules.Broken(JsonNode.Parse(await response.Content.ReadAsStringAsync())!), Is.Empty, "the OpenAPI document");
        }
    }

    private HttpClient Signed(Func<Assertion> assert) => new(new SignedRequests(assert, Key)) { BaseAddress = Address };

    private async Task WaitUntilReadyAsync()
    {
        using var client = As(null);
        var last = "";
        for (var i = 0; i < 1_800; i++)
        {
            using var response = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
            if (response.IsSuccessStatusCode)
            {
                return;
            }

            last = await response.Content.ReadAsStringAsync();
            await Task.Delay(100);
        }

        Assert.Fail($"The service did not become ready: {last}");
    }
}
