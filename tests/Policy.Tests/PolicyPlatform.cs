using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using MassTransit;

using Microsoft.Extensions.DependencyInjection;

using Npgsql;

using ServiceJson = EnvPlatform.ServiceDefaults.Json;

namespace EnvPlatform.Policy.Tests;

/// <summary>One or two instances of the policy service on one database, and a subscriber that receives what they publish.</summary>
public sealed class PolicyPlatform : IAsyncDisposable
{
    private readonly TestDatabase _database;
    private readonly IBusControl _listener;
    private readonly TestCaller _member;

    private PolicyPlatform(TestDatabase database, IReadOnlyList<ServiceFixture<Program>> instances, IBusControl listener)
    {
        _database = database;
        _listener = listener;
        Instances = instances;
        Db = NpgsqlDataSource.Create(database.ConnectionString);
        _member = TestCaller.Of(Organization with { Role = Roles.Member });
    }

    public IReadOnlyList<ServiceFixture<Program>> Instances { get; }

    public NpgsqlDataSource Db { get; }

    public ConcurrentQueue<AuditEventOccurred> Audited { get; private init; } = new();

    public ConcurrentQueue<EnvironmentStatusChanged> Changed { get; private init; } = new();

    public Membership Organization { get; } = TestCaller.NewOrganization();

    public static async Task<PolicyPlatform> StartAsync(int instances = 1, IReadOnlyDictionary<string, string?>? more = null)
    {
        var created = await TestDatabase.CreateAsync();
        // No service listens there: unless a test changes this, calls to others get no answer.
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["services:ingest:grpc:0"] = AwayServices.Address,
            ["services:identity:grpc:0"] = AwayServices.Address,
            ["services:scanner:grpc:0"] = AwayServices.Address,
            ["Policy:IngestTimeoutSeconds"] = "2"
        };
        foreach (var (key, value) in more ?? new Dictionary<string, string?>())
        {
            settings[key] = value;
        }

        var started = new List<ServiceFixture<Program>> { await ServiceFixture<Program>.StartAsync("policy", created, settings) };
        settings["Messaging:Prefix"] = started[0].MessagingPrefix;
        while (started.Count < instances)
        {
            started.Add(await ServiceFixture<Program>.StartAsync("policy", created, settings));
        }

        var audited = new ConcurrentQueue<AuditEventOccurred>();
        var changed = new ConcurrentQueue<EnvironmentStatusChanged>();
        var subscriber = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(new Uri(TestServers.RabbitMq));
            rabbit.MessageTopology.SetEntityNameFormatter(
                new PrefixEntityNameFormatter(rabbit.MessageTopology.EntityNameFormatter, started[0].MessagingPrefix + "-"));
            rabbit.ReceiveEndpoint(new TemporaryEndpointDefinition(), endpoint =>
            {
                endpoint.Handler<AuditEventOccurred>(context => Enqueue(audited, context.Message));
                endpoint.Handler<EnvironmentStatusChanged>(context => Enqueue(changed, context.Message));
            });
        });
        await subscriber.StartAsync();
        return new(created, started, subscriber) { Audited = audited, Changed = changed };
    }

    public HttpClient As(TestCaller? caller, int instance = 0) => Instances[instance].As(caller);

    public HttpClient Administrator(int instance = 0) => As(TestCaller.Of(Organization), instance);

    /// <summary>The member whose environments they are, unless a test says otherwise.</summary>
    public HttpClient Member(int instance = 0) => As(_member, instance);

    public HttpClient OtherMember(int instance = 0) => As(TestCaller.Of(Organization with { Role = Roles.Member }), instance);

    public EnvironmentLogged NewEnvironment(string? prefix = null, SubjectId? owner = null, long version = 1) =>
        new(Organization.Id, new(Guid.CreateVersion7()), new(Guid.CreateVersion7()), owner ?? _member.SubjectId, prefix
            ?? "/home/ada/envs/" + Guid.CreateVersion7().ToString("N"),
            "science", "linux-64", 1, "sha256:00", 3, version == 1, version, DateTimeOffset.UtcNow);

    public Task PublishAsync<T>(T message, Guid? messageId = null) where T : class =>
        Instances[0].Services.GetRequiredService<IBus>()
            .Publish(message, context => context.MessageId = messageId ?? Guid.CreateVersion7());

    /// <summary>Publishes a log and waits until the service knows the environment.</summary>
    public async Task<EnvironmentLogged> LogAsync(EnvironmentLogged? environment = null)
    {
        environment ??= NewEnvironment();
        await PublishAsync(environment);
        await UntilVersionAsync(environment.EnvironmentId, environment.Version);
        return environment;
    }

    public Task UntilVersionAsync(EnvironmentId environment, long version) => Eventually.BecomesTrueAsync(
        async () => await ScalarAsync<long?>(
            "select environment_version from environment_status where environment_id = $1", environment.Value) >= version,
        $"version {version} of environment {environment} is known");

    public async Task<T?> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var command = Db.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public async Task<JsonElement> CheckAsync(EnvironmentLogged environment, int instance = 0)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return await CheckAsync(Member(instance), environment.MachineId, environment.Prefix);
    }

    public async Task<JsonElement> CheckAsync(HttpClient client, MachineId machine, string prefix)
    {
        ArgumentNullException.ThrowIfNull(client);
        return await client.GetFromJsonAsync<JsonElement>(
            $"/api/v1/orgs/{Organization.Slug}/activation?machine_id={machine}&prefix={Uri.EscapeDataString(prefix)}");
    }

    public async Task<string> StatusAsync(EnvironmentLogged environment, int instance = 0) =>
        (await CheckAsync(environment, instance)).GetProperty("status").GetString()!;

    public Task<HttpResponseMessage> SetAsync(EnvironmentLogged environment, object body, HttpClient? client = null, int instance = 0)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return (client ?? Administrator(instance))
            .PutAsJsonAsync($"/api/v1/orgs/{Organization.Slug}/environments/{environment.EnvironmentId}/status", body, ServiceJson.Options);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.StopAsync();
        foreach (var instance in Instances)
        {
            await instance.DisposeAsync();
        }

        await Db.DisposeAsync();
        await _database.DisposeAsync();
    }

    private static Task Enqueue<T>(ConcurrentQueue<T> queue, T message)
    {
        queue.Enqueue(message);
        return Task.CompletedTask;
    }
}
