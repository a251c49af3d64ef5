using System.Net;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

using StackExchange.Redis;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>What whoever has taken over one service cannot do with its credentials, which are read from its process.</summary>
public sealed class ServiceCredentialsTests
{
    private static readonly string AuditExchange = $"{typeof(AuditEventOccurred).Namespace}:{nameof(AuditEventOccurred)}";
    private static readonly string[] WithDatabase = [.. Platform.Services.Except(["gateway"])];

    private Dictionary<string, Dictionary<string, string>> _settings = [];

    [OneTimeSetUp]
    public async Task ReadAsync()
    {
        foreach (var service in Platform.Services)
        {
            _settings[service] = await SharedPlatform.Platform.EnvironmentAsync(service);
        }
    }

    [Test]
    public void A_service_has_its_own_credentials_and_no_others()
    {
        var administrators = Secrets("postgres-password", "messaging-password", "redis-password");
        foreach (var (service, settings) in _settings)
        {
            Assert.That(settings.Values.Where(value => administrators.Any(value.Contains)), Is.Empty, $"of an administrator, in {service}");
            Assert.That(
                settings.Keys.Where(key => key.StartsWith("ConnectionStrings__", StringComparison.Ordinal)),
                Is.SubsetOf(new[] { $"ConnectionStrings__{service}", "ConnectionStrings__messaging", "ConnectionStrings__redis" }),
                service);
            Assert.That(
                settings.Keys.Count(key => key.StartsWith("OutgoingKeys__", StringComparison.Ordinal)),
                service == "gateway" ? Is.EqualTo(WithDatabase.Length) : Is.LessThan(4), service);
        }

        var shared = _settings.SelectMany(service => service.Value
                .Where(setting => setting.Key.Contains("Keys__", StringComparison.Ordinal) || setting.Key == "SERVICE_SECRET"))
            .GroupBy(setting => setting.Value).Select(same => same.Count());
        Assert.That(shared, Has.All.LessThanOrEqualTo(2), "a key is known to two services at most");
    }

    [TestCaseSource(nameof(WithDatabase))]
    public async Task It_reaches_no_other_database(string service)
    {
        foreach (var database in WithDatabase.Except([service]).Append("postgres").Append("template1"))
        {
            var other = new NpgsqlConnectionStringBuilder(DatabaseOf(service)) { Database = database, Pooling = false };
            await using var connection = new NpgsqlConnection(other.ConnectionString);
            Assert.That(
                async () => await connection.OpenAsync(),
                Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InsufficientPrivilege), database);
        }
    }

    [TestCaseSource(nameof(WithDatabase))]
    public async Task It_changes_rows_of_its_own_database_and_nothing_else(string service)
    {
        await using var db = NpgsqlDataSource.Create(DatabaseOf(service) + ";Pooling=false");
        foreach (var sql in new[]
        {
            "create table mine (a int)", "create schema mine", "alter table outbox add column mine int", "drop table inbox",
            "truncate inbox", "update migrations set sha256 = ''", "delete from migrations", "create role mine", "create database mine",
            $"alter role {service} createrole", $"set role {service}_owner", "set role postgres", "select * from pg_authid",
            "select pg_read_file('/etc/passwd')", "copy inbox to program 'id'", "create extension dblink",
            "alter system set log_statement = 'none'",
        })
        {
            await using var command = db.CreateCommand(sql);
            Assert.That(
                async () => await command.ExecuteNonQueryAsync(),
                Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InsufficientPrivilege), sql);
        }
    }

    [Test]
    public async Task Audit_itself_cannot_change_what_is_in_the_log()
    {
        await using var db = NpgsqlDataSource.Create(DatabaseOf("audit"));
        var partition = "audit_events_" + TimeProvider.System.GetUtcNow().ToString("yyyy_MM");
        foreach (var sql in new[]
        {
            "update audit_events set message = ''", "delete from audit_events", "truncate audit_events", "delete from audit_event_ids",
            $"update {partition} set message = ''", $"delete from {partition}", $"drop table {partition}",
            $"alter table audit_events detach partition {partition}",
        })
        {
            await using var command = db.CreateCommand(sql);
            Assert.That(
                async () => await command.ExecuteNonQueryAsync(),
                Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InsufficientPrivilege), sql);
        }
    }

    [TestCaseSource(typeof(Platform), nameof(Platform.Services))]
    public async Task It_publishes_only_its_own_events(string service)
    {
        var events = typeof(EventAttribute).Assembly.GetExportedTypes()
            .Where(type => type.GetCustomAttributes(typeof(EventAttribute), false) is [EventAttribute { PublishedBy: not [] } traffic]
                && !traffic.PublishedBy.Contains(service)).ToArray();
        Assert.That(events, Has.Length.GreaterThan(4));
        foreach (var type in events)
        {
            await RefusedAsync(service, channel => PublishAsync(channel, $"{type.Namespace}:{type.Name}", ""));
        }

        await RefusedAsync(service, channel => PublishAsync(channel, "", "audit-append-events"));
        if (service != "audit")
        {
            await RefusedAsync(service, channel => PublishAsync(channel, "audit-append-events", ""));
        }
    }

    [TestCaseSource(typeof(Platform), nameof(Platform.Services))]
    public async Task It_neither_reads_nor_removes_the_queues_of_others(string service)
    {
        string[] queues = ["audit-append-events", "scanner-scan-environment", "ingest-store-status", "policy-place-environments"];
        foreach (var queue in queues.Where(queue => !queue.StartsWith(service, StringComparison.Ordinal)))
        {
            await RefusedAsync(service, async channel => await channel.BasicGetAsync(queue, autoAck: false));
            await RefusedAsync(service, async channel => await channel.QueueDeleteAsync(queue));
            await RefusedAsync(service, async channel => await channel.QueuePurgeAsync(queue));
        }

        if (service != "audit")
        {
            await RefusedAsync(service, async channel =>
            {
                await channel.QueueDeclareAsync($"{service}-ears");
                await channel.QueueBindAsync($"{service}-ears", AuditExchange, "");
            });
        }
    }

    [TestCase("gateway", "policy:activation:1", "policy:activation:invalidations")]
    [TestCase("policy", "gateway:rate:1", "gateway:anything")]
    public async Task It_neither_reads_nor_writes_what_others_remember(string service, string key, string channel)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(
            _settings[service]["ConnectionStrings__redis"] + ",allowAdmin=true");
        var db = redis.GetDatabase();
        Func<Task>[] tries =
        [
            () => db.StringGetAsync(key), () => db.StringSetAsync(key, "x"), () => db.PublishAsync(RedisChannel.Literal(channel), "x"),
            () => db.ExecuteAsync("FLUSHALL"), () => db.ExecuteAsync("CONFIG", "GET", "requirepass"), () => db.ExecuteAsync("KEYS", "*"),
            () => db.ExecuteAsync("ACL", "LIST"),
        ];
        foreach (var act in tries)
        {
            Assert.That(() => act(), Throws.TypeOf<RedisServerException>().With.Message.Contains("NOPERM"));
        }
    }

    [Test]
    public async Task It_cannot_forge_an_audit_event_of_another_service()
    {
        var organization = await Organization.CreateAsync(SharedPlatform.Platform);
        await RefusedAsync(
            "scanner", channel => PublishAsync(channel, AuditExchange, "", new BasicProperties { UserId = "identity" }),
            Constants.PreconditionFailed);

        var said = JsonSerializer.Serialize(new
        {
            messageId = Guid.CreateVersion7(),
            messageType = new[] { $"urn:message:{typeof(AuditEventOccurred).Namespace}:{nameof(AuditEventOccurred)}" },
            message = new
            {
                eventId = Guid.CreateVersion7(),
                organizationId = Guid.CreateVersion7(),
                organizationName = organization.Slug,
                actionKey = "token_created",
                actor = new { id = "ada", email = "ada@example.org", type = "user" },
                target = new { id = "t", type = "token" },
                service = "scanner",
                message = "Ada created a token.",
                meta = new { },
                occurredAt = TimeProvider.System.GetUtcNow(),
            },
        });
        await WithChannelAsync("scanner", channel => PublishAsync(
            channel, AuditExchange, "",
            new BasicProperties { UserId = "scanner", ContentType = "application/vnd.masstransit+json" }, said));
        using var auditor = SharedPlatform.Platform.Administrator();
        auditor.Http.DefaultRequestHeaders.Add("X-Org-Name", "platform");
        await Eventually.BecomesTrueAsync(
            async () => (await auditor.GetAsync("/api/audit-logs?limit=1000")).GetProperty("items").EnumerateArray()
                .Select(item => item.GetRawText()).Any(item => item.Contains("audit_event_refused") && item.Contains("scanner")),
            "the refusal is in the operator's log");
    }

    [Test]
    public async Task It_cannot_speak_for_a_member_to_another_service()
    {
        var now = TimeProvider.System.GetUtcNow();
        var mallory = new Assertion(
            Guid.CreateVersion7(), "user", "mallory@example.org", "Mallory", true,
            [new(new OrganizationId(Guid.CreateVersion7()), "default", "Default", Roles.Administrator)], null, "r", null, null,
            (now + Assertion.Lifetime).ToUnixTimeSeconds());
        var (incoming, outgoing) = (_settings["scanner"]["IncomingKeys__gateway"], _settings["scanner"]["OutgoingKeys__ingest"]);
        foreach (var (target, key) in new[]
        {
            ("ingest", new CallKey("gateway", "ingest", incoming)), ("ingest", new CallKey("gateway", "scanner", incoming)),
            ("ingest", new CallKey("scanner", "ingest", outgoing)), ("ingest", new CallKey("gateway", "ingest", outgoing)),
            ("identity", new CallKey("gateway", "identity", incoming)), ("identity", new CallKey("scanner", "identity", outgoing)),
        })
        {
            using var http = new HttpClient { BaseAddress = SharedPlatform.Platform.AddressOf(target) };
            http.DefaultRequestHeaders.Add(Assertion.Header, mallory.Sign(key));
            var path = target == "ingest" ? "/api/v1/orgs/default/environments" : "/api/v1/orgs/default/members";
            using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"{key.Caller} to {target}");
        }
    }

    /// <summary>Services do without: a right that one of them lacks would fail in the background, out of sight.</summary>
    [Test]
    public void No_service_misses_a_right()
    {
        string[] words = ["permission denied for", "ACCESS_REFUSED", "NOPERM"];
        var logs = Path.Combine(SharedPlatform.Platform.DataFolder, "logs");
        foreach (var service in Platform.Services)
        {
            var lines = File.ReadLines(Path.Combine(logs, service + ".log"));
            Assert.That(lines.Where(line => words.Any(line.Contains)), Is.Empty, service);
        }
    }

    private static List<string> Secrets(params string[] names)
    {
        var all = JsonSerializer.Deserialize<Dictionary<string, string>>(
            File.ReadAllText(Path.Combine(SharedPlatform.Platform.DataFolder, "secrets.json")))!;
        return [.. names.Select(name => all[name])];
    }

    private static async Task PublishAsync(
        IChannel channel, string exchange, string key, BasicProperties? properties = null, string body = "{}") =>
        await channel.BasicPublishAsync(exchange, key, mandatory: false, properties ?? new(), Encoding.UTF8.GetBytes(body));

    private string DatabaseOf(string service) => _settings[service]["ConnectionStrings__" + service];

    private async Task WithChannelAsync(string service, Func<IChannel, Task> actAsync)
    {
        var factory = new ConnectionFactory { Uri = new Uri(_settings[service]["ConnectionStrings__messaging"]) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await actAsync(channel);
    }

    private async Task RefusedAsync(string service, Func<IChannel, Task> actAsync, ushort code = Constants.AccessRefused)
    {
        try
        {
            await WithChannelAsync(service, actAsync);
            Assert.Fail("The broker allowed it.");
        }
        catch (Exception exception) when (exception is OperationInterruptedException or PublishException)
        {
            var reason = exception as OperationInterruptedException ?? exception.InnerException as OperationInterruptedException;
            Assert.That(reason?.ShutdownReason?.ReplyCode, Is.EqualTo(code), exception.ToString());
        }
    }
}
