using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

using MassTransit;

namespace EnvPlatform.Postgres.Tests;

/// <summary>A message takes effect once, however often it is delivered, alone or in a batch, and whatever fails in between.</summary>
public sealed class InboxTests
{
    private TestDatabase _database = null!;
    private TestHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _host = await TestHost.StartAsync(_database, "pg" + Guid.CreateVersion7().ToString("N")[^12..]);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        await _database.DisposeAsync();
    }

    [Test]
    public async Task A_message_that_is_delivered_three_times_has_one_effect()
    {
        var message = new EnvironmentRemoved(OrganizationId.New(Now), EnvironmentId.New(Now), 1, Now);
        var id = Guid.CreateVersion7();
        for (var i = 0; i < 3; i++)
        {
            await PublishAsync(message, id);
        }

        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_host.Received.Deliveries.GetValueOrDefault(id) == 3), "it is delivered three times");
        Assert.That(_host.Received.Effects.Count(effect => effect.Environment == message.EnvironmentId), Is.EqualTo(1));
    }

    [Test]
    public async Task A_batch_hands_over_each_new_message_once()
    {
        var (one, two) = (Archived(), Archived());
        var (first, second) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await PublishAsync(one, first);
        await Eventually.BecomesTrueAsync(() => Task.FromResult(EffectsOf(one) == 1), "the first arrives");
        foreach (var (message, id) in new[] { (one, first), (two, second), (two, second), (one, first) })
        {
            await PublishAsync(message, id);
        }

        var last = Archived();
        await PublishAsync(last, Guid.CreateVersion7());
        await Eventually.BecomesTrueAsync(() => Task.FromResult(EffectsOf(last) == 1), "what was sent after them has its effect");
        Assert.That((EffectsOf(one), EffectsOf(two)), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task What_fails_is_rolled_back_with_its_mark_and_handled_when_it_is_tried_again()
    {
        var message = Archived();
        _host.Received.Fail = 1;
        await PublishAsync(message, Guid.CreateVersion7());
        await Eventually.BecomesTrueAsync(() => Task.FromResult(EffectsOf(message) > 0), "it is handled");
        var notes = await _host.Db.QuerySingleAsync<int>(
            "select count(*) from notes where text = @Text", new { Text = message.EnvironmentId.ToString() }, CancellationToken.None);
        Assert.That(notes, Is.EqualTo(1), "the first try left nothing");
        Assert.That(_host.Received.Fail, Is.Zero);
    }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private static EnvironmentArchived Archived() => new(OrganizationId.New(Now), EnvironmentId.New(Now), true, 1, Now);

    private int EffectsOf(EnvironmentArchived message) =>
        _host.Received.Effects.Count(effect => effect.Environment == message.EnvironmentId);

    private Task PublishAsync<T>(T message, Guid id) where T : class =>
        _host.Get<IBus>().Publish(message, context => context.MessageId = id);
}
