using Aspire.Hosting;
using Npgsql;

namespace EnvPlatform.Aspire.Tests;

/// <summary>PostgreSQL, RabbitMQ and Redis without a project around them, as the other tests use them.</summary>
public sealed class ServerTests
{
    [Test, CancelAfter(60_000)]
    public async Task Three_servers_start_serve_and_leave_no_process_behind(CancellationToken ct)
    {
        var builder = DistributedApplication.CreateBuilder();
        var postgres = builder.AddPostgres("postgres").AddDatabase("shop");
        var rabbit = builder.AddRabbitMQ("messaging");
        var redis = builder.AddRedis("redis");
        int[] pids;
        await using (var app = builder.Build())
        {
            await app.StartAsync(ct);
            foreach (var name in new[] { "shop", "messaging", "redis" })
                await app.ResourceNotifications.WaitForResourceHealthyAsync(name, ct);

            await using var db = NpgsqlDataSource.Create((await postgres.Resource.ConnectionStringExpression.GetValueAsync(ct))!);
            await using var command = db.CreateCommand("select current_database()");
            Assert.That(await command.ExecuteScalarAsync(ct), Is.EqualTo("shop"));
            Assert.That(await rabbit.Resource.ConnectionStringExpression.GetValueAsync(ct), Does.Match("^amqp://guest:[^@]+@127.0.0.1:[0-9]+$"));
            Assert.That(await redis.Resource.ConnectionStringExpression.GetValueAsync(ct), Does.Match("^127.0.0.1:[0-9]+,password=.+$"));
            pids = [.. new[] { "postgres", "messaging", "redis" }.Select(name => Pid(app, name))];
            Assert.That(pids, Has.All.Matches<int>(pid => Directory.Exists($"/proc/{pid}")));
        }

        Assert.That(pids, Has.None.Matches<int>(pid => Directory.Exists($"/proc/{pid}")));
    }

    private static int Pid(DistributedApplication app, string name)
    {
        app.ResourceNotifications.TryGetCurrentState(name, out var state);
        return (int)state!.Snapshot.Properties.Single(p => p.Name == "executable.pid").Value!;
    }
}
