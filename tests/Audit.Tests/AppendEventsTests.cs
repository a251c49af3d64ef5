using System.Diagnostics;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;


using RabbitMQ.Client;

namespace EnvPlatform.Audit.Tests;

public sealed class AppendEventsTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(instances: 2);

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Ten_thousand_events_each_delivered_twice_to_two_instances_are_numbered_without_gap_or_duplicate()
    {
        var organizations = Enumerable.Range(0, 7).Select(_ => new OrganizationId(Guid.CreateVersion7())).ToArray();
        var events = Enumerable.Range(0, 10_000)
            .Select(i => _platform.NewEvent(organization: organizations[i % organizations.Length])).ToList();
        var began = Stopwatch.GetTimestamp();
        // Once as the relay would, and once more as after a lost confirm, in another order.
        foreach (var chunk in events.Chunk(1_000))
        {
            await _platform.PublishAsync(chunk);
            await _platform.PublishAsync(chunk.Reverse());
        }

        foreach (var organization in organizations)
        {
            await _platform.UntilSizeAsync(organization, events.Count(occurred => occurred.OrganizationId == organization), seconds: 60);
        }

        TestContext.Out.WriteLine(
            $"{2 * events.Count / Stopwatch.GetElapsedTime(began).TotalSeconds:F0} messages a second, published and appended");
        foreach (var organization in organizations)
        {
            var expected = events.Where(occurred => occurred.OrganizationId == organization)
                .Select(occurred => occurred.EventId).ToHashSet();
            await using var command = _platform.Db.CreateCommand(
                "select seq, event_id, recorded_at from audit_events where org_id = $1 order by seq");
            command.Parameters.Add(new() { Value = organization.Value });
            await using var reader = await command.ExecuteReaderAsync();
            var stored = new List<(long Seq, Guid Id, DateTime At)>();
            while (await reader.ReadAsync())
            {
                stored.Add((reader.GetInt64(0), reader.GetGuid(1), reader.GetDateTime(2)));
            }

            Assert.That(stored.Select(row => row.Seq), Is.EqualTo(Enumerable.Range(1, expected.Count).Select(i => (long)i)), "gapless");
            Assert.That(stored.Select(row => row.Id), Is.EquivalentTo(expected), "each once");
            Assert.That(stored.Select(row => row.At), Is.Ordered, "time follows the numbers");
        }
    }

    [Test]
    public async Task Stored_entries_have_their_leaf_hash_and_their_own_number()
    {
        await _platform.PublishAsync(Enumerable.Range(0, 5).Select(_ => _platform.NewEvent()));
        await _platform.UntilSizeAsync(_platform.Organization.Id, 5);
        var wrong = await _platform.ScalarAsync<long>(
            """
            select count(*) from audit_events
            where org_id = $1
                and (leaf_hash <> sha256('\x00'::bytea || entry) or (convert_from(entry, 'UTF8')::jsonb ->> 'seq')::bigint <> seq
                or (convert_from(entry, 'UTF8')::jsonb ->> 'created_at')::timestamptz <> recorded_at)
            """, _platform.Organization.Id.Value);
        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public async Task What_a_service_does_by_itself_bears_the_name_that_the_organization_was_last_known_by()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        foreach (var (name, size) in new[] { ("before", 1), (null, 2), ("after", 3), ("", 4) })
        {
            await _platform.PublishAsync(_platform.NewEvent(organization: organization) with { OrganizationName = name });
            await _platform.UntilSizeAsync(organization, size);
        }

        var names = await _platform.ScalarAsync<string>(
            "select string_agg(convert_from(entry, 'UTF8')::jsonb ->> 'org_name', ' ' order by seq) from audit_events where org_id = $1",
            organization.Value);
        Assert.That(names, Is.EqualTo("before before after after"));
    }

    [Test]
    public async Task An_event_that_comes_again_later_is_not_stored_again()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        var occurred = _platform.NewEvent(organization: organization);
        await _platform.PublishAsync(occurred);
        await _platform.UntilSizeAsync(organization, 1);
        await _platform.PublishAsync(occurred, _platform.NewEvent(organization: organization));
        await _platform.UntilSizeAsync(organization, 2);
        Assert.That(
            await _platform.ScalarAsync<long>("select count(*) from audit_events where event_id = $1", occurred.EventId), Is.EqualTo(1));
    }

    [Test]
    public async Task A_message_that_cannot_be_read_goes_to_the_error_queue_and_holds_nothing_up()
    {
        var queue = _platform.Instances[0].MessagingPrefix + "-audit-append-events";
        var factory = new ConnectionFactory { Uri = new Uri(TestServers.RabbitMq) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicPublishAsync("", queue, Encoding.UTF8.GetBytes("{ not json"));
        var organization = new OrganizationId(Guid.CreateVersion7());
        await _platform.PublishAsync(_platform.NewEvent(organization: organization));
        await _platform.UntilSizeAsync(organization, 1);
        await Eventually.BecomesTrueAsync(() => HoldsOneAsync(connection, queue + "_error"), "the message is in the error queue");
    }

    /// <summary>An error queue is declared with its first message; the broker closes a channel that checks it earlier.</summary>
    private static async Task<bool> HoldsOneAsync(IConnection connection, string queue)
    {
        await using var channel = await connection.CreateChannelAsync();
        try
        {
            return await channel.MessageCountAsync(queue) == 1;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return false;
        }
    }

    [TestCase("scanner", "scanner", "ingest", "environment_logged", Description = "another service's event, under its name")]
    [TestCase("scanner", "scanner", "scanner", "environment_logged", Description = "another service's event, under the own name")]
    [TestCase("scanner", null, "scanner", "environment_scanned", Description = "without the user, which the broker would have checked")]
    [TestCase("scanner", "scanner", "audit", "audit_event_refused", Description = "the log's own event")]
    public async Task What_a_service_may_not_say_is_not_believed_and_leaves_a_trace(
        string user, string? says, string service, string action)
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        var forged = _platform.NewEvent(action, organization) with { Service = service };
        await _platform.PublishAsAsync(user, says, forged);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<string>(
                "select convert_from(entry, 'UTF8') from audit_events where org_id = $1 and event_id = $2", Guid.Empty, forged.EventId)
                is { } entry && entry.Contains("\"action_key\":\"audit_event_refused\"") && entry.Contains(says ?? "unknown"),
            "the refusal is in the operator's log");
        await _platform.PublishAsync(_platform.NewEvent(organization: organization));
        await _platform.UntilSizeAsync(organization, 1);
        Assert.That(
            await _platform.ScalarAsync<long>("select count(*) from audit_events where event_id = $1 and org_id = $2",
                forged.EventId, organization.Value), Is.Zero);
    }

    [TestCase("""{"eventId": "EVENT", "occurredAt": "2026-11-27T10:00:00Z"}""", Description = "nothing said")]
    [TestCase("""
        {"eventId": "EVENT", "actionKey": "an_action_of_tomorrow", "message": "", "occurredAt": "2026-11-27T10:00:00Z",
         "actor": {"id": "a", "type": "user"}, "target": {"id": "t", "type": "token"}}
        """, Description = "no service, and no user")]
    [TestCase("""
        {"eventId": "EVENT", "actionKey": "environment_scanned", "service": "scanner", "message": "", "actor": {}, "target": null,
         "occurredAt": "2026-11-27T10:00:00Z"}
        """, Description = "nobody did it")]
    public async Task A_message_of_which_parts_are_missing_is_not_believed_and_holds_nothing_up(string message)
    {
        var id = Guid.CreateVersion7();
        var type = $"{typeof(AuditEventOccurred).Namespace}:{nameof(AuditEventOccurred)}";
        var body = $$"""
            {"messageId": "{{id}}", "messageType": ["urn:message:{{type}}"], "message": {{message.Replace("EVENT", $"{id}")}}}
            """;
        var factory = new ConnectionFactory { Uri = new Uri(TestServers.RabbitMqAs("scanner")) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await channel.BasicPublishAsync(
            $"{_platform.Instances[0].MessagingPrefix}-{type}", "", mandatory: true,
            new BasicProperties { ContentType = "application/vnd.masstransit+json", MessageId = $"{id}" }, Encoding.UTF8.GetBytes(body));
        var organization = new OrganizationId(Guid.CreateVersion7());
        await _platform.PublishAsync(_platform.NewEvent(organization: organization));
        await _platform.UntilSizeAsync(organization, 1);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<string>(
                "select action_key from audit_events where org_id = $1 and event_id = $2", Guid.Empty, id) == "audit_event_refused",
            "the refusal is in the operator's log");
    }

    [Test]
    public async Task The_broker_does_not_take_a_message_in_the_name_of_another_service()
    {
        var factory = new ConnectionFactory { Uri = new Uri(TestServers.RabbitMqAs("scanner")) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        var exchange = $"{_platform.Instances[0].MessagingPrefix}-{typeof(AuditEventOccurred).Namespace}:{nameof(AuditEventOccurred)}";
        Assert.That(
            async () => await channel.BasicPublishAsync(
                exchange, "", mandatory: true, new BasicProperties { UserId = "ingest" }, Encoding.UTF8.GetBytes("{}")),
            Throws.Exception.With.Message.Contains("PRECONDITION_FAILED"));
    }

    [Test]
    public async Task Odd_details_are_kept_or_marked_and_never_block_the_log()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        using var nul = JsonDocument.Parse("""{"a":"\u0000"}""");
        await _platform.PublishAsync(
            _platform.NewEvent(organization: organization) with { Meta = nul.RootElement, Message = "nul \0 here" },
            _platform.NewEvent(organization: organization) with
            {
                Meta = JsonSerializer.SerializeToElement(new { text = new string('x', 200_000) })
            },
            _platform.NewEvent("an_action_of_tomorrow", organization));
        await _platform.UntilSizeAsync(organization, 3);
        Assert.That(
            await _platform.ScalarAsync<string>(
                "select category from audit_events where org_id = $1 and action_key = 'an_action_of_tomorrow'", organization.Value),
            Is.EqualTo("other"));
    }
}
