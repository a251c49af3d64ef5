using System.Diagnostics;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Postgres.Tests;

/// <summary>What a committed transaction publishes arrives and takes effect once; what is rolled back does not.</summary>
public sealed class OutboxTests
{
    private TestDatabase _database = null!;
    private string _prefix = "";

    [SetUp]
    public async Task SetUp()
    {
        _database = await TestDatabase.CreateAsync();
        _prefix = "pg" + Guid.CreateVersion7().ToString("N")[^12..];
    }

    [TearDown]
    public async Task TearDown()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Test]
    public async Task A_committed_message_arrives_and_a_rolled_back_one_does_not()
    {
        await using var host = await TestHost.StartAsync(_database, _prefix);
        var lost = Removed();
        await using (var tx = await host.Db.BeginAsync(CancellationToken.None))
        {
            tx.Publish(lost);
        }

        var kept = Removed();
        await PublishAsync(host, kept);
        await Eventually.BecomesTrueAsync(() => Task.FromResult(!host.Received.Effects.IsEmpty), "the message arrives");
        Assert.That(host.Received.Effects.Select(effect => effect.Environment), Is.EqualTo(new[] { kept.EnvironmentId }));
        await Eventually.BecomesTrueAsync(async () => await WaitingAsync(host) == 0, "the outbox is empty");
    }

    [Test]
    public async Task A_message_that_no_queue_takes_waits_until_one_does()
    {
        var message = Removed();
        await using (var publisher = await TestHost.StartAsync(_database, _prefix, consumes: false))
        {
            await PublishAsync(publisher, message);
            await Eventually.BecomesTrueAsync(
                async () => await publisher.Db.QuerySingleAsync<int>(
                    "select coalesce(max(attempts), 0) from outbox", null, CancellationToken.None) > 0,
                "the broker returns it");
            Assert.That(await WaitingAsync(publisher), Is.EqualTo(1));
        }

        await using var consumer = await TestHost.StartAsync(_database, _prefix);
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(consumer.Received.Effects.Any(e => e.Environment == message.EnvironmentId)), "it arrives");
    }

    [Test]
    public async Task Two_relays_deliver_every_message_once_in_effect()
    {
        await using var first = await TestHost.StartAsync(_database, _prefix);
        await using var second = await TestHost.StartAsync(_database, _prefix);
        var sent = Enumerable.Range(0, 2_000).Select(_ => Removed()).ToArray();
        foreach (var chunk in sent.Chunk(50))
        {
            await using var tx = await first.Db.BeginAsync(CancellationToken.None);
            foreach (var message in chunk)
            {
                tx.Publish(message);
            }

            await tx.CommitAsync();
        }

        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(first.Received.Effects.Count + second.Received.Effects.Count >= sent.Length), "all arrive", seconds: 60);
        var arrived = first.Received.Effects.Concat(second.Received.Effects).Select(effect => effect.Environment);
        Assert.That(arrived, Is.EquivalentTo(sent.Select(message => message.EnvironmentId)));
    }

    [Test]
    public async Task The_trace_of_the_writer_reaches_the_consumer()
    {
        await using var host = await TestHost.StartAsync(_database, _prefix);
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        activity.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        await PublishAsync(host, Removed());
        activity.Stop();
        await Eventually.BecomesTrueAsync(() => Task.FromResult(!host.Received.Effects.IsEmpty), "the message arrives");
        Assert.That(host.Received.Effects.Single().TraceId, Is.EqualTo(activity.TraceId.ToString()));
    }

    [Test]
    public async Task A_message_counts_once_for_each_consumer()
    {
        await using var host = await TestHost.StartAsync(_database, _prefix);
        var id = Guid.CreateVersion7();
        Assert.That(await ReceiveAsync(host, id, "one"), Is.True);
        Assert.That(await ReceiveAsync(host, id, "one"), Is.False);
        Assert.That(await ReceiveAsync(host, id, "two"), Is.True);
        var other = Guid.CreateVersion7();
        await using var tx = await host.Db.BeginAsync(CancellationToken.None);
        Assert.That(await tx.ReceiveAsync([id, other, other], "one"), Is.EquivalentTo(new[] { other }));
    }

    private static EnvironmentRemoved Removed()
    {
        var now = TimeProvider.System.GetUtcNow();
        return new(OrganizationId.New(now), EnvironmentId.New(now), 1, now);
    }

    private static async Task PublishAsync(TestHost host, EnvironmentRemoved message)
    {
        await using var tx = await host.Db.BeginAsync(CancellationToken.None);
        tx.Publish(message);
        await tx.CommitAsync();
    }

    private static async Task<bool> ReceiveAsync(TestHost host, Guid id, string consumer)
    {
        await using var tx = await host.Db.BeginAsync(CancellationToken.None);
        var first = await tx.ReceiveAsync(id, consumer);
        await tx.CommitAsync();
        return first;
    }

    private static Task<long> WaitingAsync(TestHost host) =>
        host.Db.QuerySingleAsync<long>("select count(*) from outbox", null, CancellationToken.None);
}
