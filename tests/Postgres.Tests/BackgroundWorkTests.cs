using System.Threading.Channels;

using EnvPlatform.Postgres.Background;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>
/// Background work on the database: every notification leads to a turn that begins after it, also when the connection is lost.
/// </summary>
public sealed class BackgroundWorkTests
{
    private TestDatabase _database = null!;

    [SetUp]
    public async Task SetUp() => _database = await TestDatabase.CreateAsync();

    [TearDown]
    public async Task TearDown()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Test]
    public async Task Listening_work_runs_at_the_start_and_after_each_notification()
    {
        await using var host = await StartAsync();
        var work = host.Get<Listening>();
        await work.NextTurnAsync();
        await Notify(host.Db);
        await work.NextTurnAsync();
    }

    [Test]
    public async Task A_notification_that_comes_within_a_turn_starts_another()
    {
        await using var host = await StartAsync();
        var work = host.Get<Listening>();
        await work.NextTurnAsync();
        work.Hold = new TaskCompletionSource();
        await Notify(host.Db);
        await work.NextTurnAsync();

        // The turn has begun and not ended; a loop that listened only between turns would miss this.
        await Notify(host.Db);
        var held = work.Hold;
        work.Hold = null;
        held.SetResult();
        await work.NextTurnAsync();
    }

    [Test]
    public async Task What_is_notified_while_the_connection_is_lost_is_found_when_it_is_back()
    {
        await using var host = await StartAsync();
        var work = host.Get<Listening>();
        await work.NextTurnAsync();
        var killed = await host.Db.QuerySingleAsync<long>(
            """
            select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query = 'listen ' || @Channel) k
            """,
            new { Channel = Listening.Name }, CancellationToken.None);
        Assert.That(killed, Is.EqualTo(1));
        await Notify(host.Db);
        await work.NextTurnAsync();

        // And it listens again.
        await Notify(host.Db);
        await work.NextTurnAsync();
    }

    [Test]
    public async Task A_turn_that_fails_is_tried_again_and_its_work_goes_on()
    {
        await using var host = await StartAsync();
        var work = host.Get<Listening>();
        await work.NextTurnAsync();
        work.Failure = new InvalidOperationException("a fault");
        await Notify(host.Db);
        await work.NextTurnAsync();
        work.Failure = null;
        await work.NextTurnAsync();
        await Notify(host.Db);
        await work.NextTurnAsync();
    }

    [Test]
    public async Task Periodic_work_runs_at_the_start_again_after_a_failure_and_then_in_its_interval()
    {
        await using var host = await StartAsync();
        var work = host.Get<Periodic>();
        for (var turn = 0; turn < 4; turn++)
        {
            await work.NextTurnAsync();
        }
    }

    private Task<TestHost> StartAsync() => TestHost.StartAsync(
        _database, "pg" + Guid.CreateVersion7().ToString("N")[^12..], consumes: false, services: services =>
        {
            services.AddListeningWork<Listening>();
            services.AddPeriodicWork<Periodic>();
        });

    private static async Task Notify(NpgsqlDataSource db)
    {
        await using var command = db.CreateCommand("notify " + Listening.Name);
        await command.ExecuteNonQueryAsync();
    }

    private abstract class Turns
    {
        private readonly Channel<int> _begun = Channel.CreateUnbounded<int>();

        /// <summary>Waits for the next turn that begins.</summary>
        public async Task NextTurnAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await _begun.Reader.ReadAsync(limit.Token);
        }

        protected void Begin() => _begun.Writer.TryWrite(0);
    }

    private sealed class Listening : Turns, IListeningWork
    {
        public const string Name = "tests";

        public TaskCompletionSource? Hold { get; set; }

        public Exception? Failure { get; set; }

        static string IListeningWork.Channel => Name;

        public async Task<TimeSpan> RunAsync(CancellationToken ct)
        {
            var (hold, failure) = (Hold, Failure);
            Begin();
            await (hold?.Task ?? Task.CompletedTask);
            return failure is null ? TimeSpan.FromHours(1) : throw failure;
        }
    }

    private sealed class Periodic : Turns, IPeriodicWork
    {
        private int _turns;

        public static TimeSpan Interval { get; } = TimeSpan.FromMilliseconds(50);

        public Task RunAsync(CancellationToken ct)
        {
            Begin();
            return ++_turns == 2 ? throw new InvalidOperationException("a fault") : Task.CompletedTask;
        }
    }
}
