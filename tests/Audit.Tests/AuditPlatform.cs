using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Audit.Tests;

/// <summary>Instances of the audit service on one database and one queue.</summary>
public sealed class AuditPlatform : IAsyncDisposable
{
    private static readonly string[] Services = ["ingest", "identity", "scanner", "policy", "audit"];
    private readonly TestDatabase _database;
    private readonly ConcurrentDictionary<string, Task<IBusControl>> _buses = new();

    private AuditPlatform(TestDatabase database, IReadOnlyList<ServiceFixture<Program>> instances)
    {
        _database = database;
        Instances = instances;
        Db = NpgsqlDataSource.Create(database.ConnectionString);
    }

    public IReadOnlyList<ServiceFixture<Program>> Instances { get; }

    public NpgsqlDataSource Db { get; }

    public Membership Organization { get; } = TestCaller.NewOrganization(Roles.Auditor);

    public static async Task<AuditPlatform> StartAsync(int instances = 1, Dictionary<string, string?>? more = null)
    {
        var created = await TestDatabase.CreateAsync();
        var settings = new Dictionary<string, string?>(more ?? [], StringComparer.Ordinal);
        var started = new List<ServiceFixture<Program>> { await ServiceFixture<Program>.StartAsync("audit", created, settings) };
        settings["Messaging:Prefix"] = started[0].MessagingPrefix;
        while (started.Count < instances)
        {
            started.Add(await ServiceFixture<Program>.StartAsync("audit", created, settings));
        }

        return new(created, started);
    }

    public AuditEventOccurred NewEvent(string action = "environment_logged", OrganizationId? organization = null) => new(
        Guid.CreateVersion7(), organization ?? Organization.Id, Organization.Slug, action, new("ada", "ada@example.org", "user"),
        new("e1", null, "environment"), Services.First(service => AuditActions.MaySay(service, action)),
        "Ada logged science.", JsonSerializer.SerializeToElement(new { packages = 3 }), DateTimeOffset.UtcNow, "192.0.2.7",
        "tests", "trace", "request");

    /// <summary>Each as the service that it names.</summary>
    public async Task PublishAsync(params IEnumerable<AuditEventOccurred> events) =>
        await Task.WhenAll(events.Select(occurred => PublishAsAsync(occurred.Service, occurred.Service, occurred)));

    /// <param name="user">Of the broker.</param>
    /// <param name="says">The user that the message names; null for none.</param>
    public async Task PublishAsAsync(string user, string? says, AuditEventOccurred occurred)
    {
        var bus = await _buses.GetOrAdd(user, ConnectAsync);
        await bus.Publish(occurred, Pipe.Execute<PublishContext>(context =>
        {
            context.MessageId = occurred.EventId;
            if (says is not null && context.TryGetPayload(out RabbitMqSendContext? rabbit))
            {
                rabbit.BasicProperties.UserId = says;
            }
        }));
    }

    public Task UntilSizeAsync(OrganizationId organization, long size, int seconds = 20) => Eventually.BecomesTrueAsync(
        async () => await ScalarAsync<long?>("select size from audit_heads where org_id = $1", organization.Value) >= size,
        $"{size} events of {organization}", seconds);

    public async Task<T?> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var command = Db.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public HttpClient Auditor() => Instances[0].As(TestCaller.Of(Organization));

    public async Task<JsonElement> GetAsync(string query) => await Auditor().GetFromJsonAsync<JsonElement>("/api/audit-logs" + query);

    private async Task<IBusControl> ConnectAsync(string user)
    {
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(new Uri(TestServers.RabbitMqAs(user)));
            rabbit.MessageTopology.SetEntityNameFormatter(
                new PrefixEntityNameFormatter(rabbit.MessageTopology.EntityNameFormatter, Instances[0].MessagingPrefix + "-"));
        });
        await bus.StartAsync();
        return bus;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var bus in _buses.Values)
        {
            await (await bus).StopAsync();
        }

        foreach (var instance in Instances)
        {
            await instance.DisposeAsync();
        }

        await Db.DisposeAsync();
        await _database.DisposeAsync();
    }
}
