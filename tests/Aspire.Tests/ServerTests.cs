using System.Net.Sockets;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Npgsql;

namespace EnvPlatform.Aspire.Tests;

/// <summary>PostgreSQL, RabbitMQ and Redis without a project around them, as the other tests use them.</summary>
public sealed class ServerTests
{
    private static readonly string[] Names = ["shop", "messaging", "redis"];

    private static IDistributedApplicationBuilder Servers(params string[] args)
    {
        var builder = DistributedApplication.CreateBuilder(args);
        builder.AddPostgres("postgres").WithDataVolume().AddDatabase("shop");
        builder.AddRabbitMQ("messaging").WithDataVolume();
        builder.AddRedis("redis");
        return builder;
    }

    private static async Task StartAsync(DistributedApplication app, CancellationToken ct)
    {
        await app.StartAsync(ct);
        foreach (var name in Names)
            await app.ResourceNotifications.WaitForResourceHealthyAsync(name, ct);
    }

    private static async Task<string> ConnectionStringAsync(IDistributedApplicationBuilder builder, string name, CancellationToken ct) =>
        (await ((IResourceWithConnectionString)builder.Resources.Single(r => r.Name == name)).GetConnectionStringAsync(ct))!;

    private static async Task<object?> QueryAsync(string connectionString, string sql, CancellationToken ct)
    {
        await using var db = NpgsqlDataSource.Create(connectionString);
        await using var command = db.CreateCommand(sql);
        return await command.ExecuteScalarAsync(ct);
    }

    [Test, CancelAfter(180_000)]
    public async Task Two_sets_of_servers_run_side_by_side_and_leave_nothing_behind(CancellationToken ct)
    {
        IDistributedApplicationBuilder one = Servers(), other = Servers();
        int[] pids;
        await using (DistributedApplication first = one.Build(), second = other.Build())
        {
            await Task.WhenAll(StartAsync(first, ct), StartAsync(second, ct));
            pids = [.. new[] { first, second }.SelectMany(app => new[] { "postgres", "messaging", "redis" }.Select(app.PidOf))];
            Assert.That(pids, Is.Unique.And.All.Matches<int>(Machine.IsRunning));

            var database = await ConnectionStringAsync(one, "shop", ct);
            Assert.That(database, Does.Match("^Host=127.0.0.1;Port=[0-9]+;Username=postgres;Password=[A-Za-z0-9]{22,};Database=shop$"));
            Assert.That(await ConnectionStringAsync(one, "messaging", ct), Does.Match("^amqp://guest:[A-Za-z0-9]{22,}@127.0.0.1:[0-9]+$"));
            Assert.That(await ConnectionStringAsync(one, "redis", ct), Does.Match("^127.0.0.1:[0-9]+,password=[A-Za-z0-9]{22,}$"));
            Assert.That(await QueryAsync(database, "select current_database()", ct), Is.EqualTo("shop"));
            Assert.That(await ConnectionStringAsync(other, "shop", ct), Is.Not.EqualTo(database));

            var wrong = new NpgsqlConnectionStringBuilder(database) { Password = "guess" }.ConnectionString;
            Assert.That(() => QueryAsync(wrong, "select 1", ct), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("28P01"));
        }

        Assert.That(pids, Has.None.Matches<int>(Machine.IsRunning));
    }

    [Test, CancelAfter(180_000)]
    public async Task Data_stay_in_the_data_folder_when_the_server_is_killed_and_when_the_application_starts_again(CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("aspire-test-").FullName;
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute);
        string[] args = ["--Aspire:DataFolder", folder];
        try
        {
            var builder = DistributedApplication.CreateBuilder(args);
            builder.AddPostgres("postgres").WithDataVolume().AddDatabase("shop");
            await using (var app = builder.Build())
            {
                await app.StartAsync(ct);
                await app.ResourceNotifications.WaitForResourceHealthyAsync("shop", ct);
                var database = await ConnectionStringAsync(builder, "shop", ct);
                await QueryAsync(database, "create table item (id int); insert into item values (7)", ct);

                var pid = app.PidOf("postgres");
                Machine.Signal(pid, Machine.Kill);
                await app.RestartedAsync("postgres", pid, ct);
                Assert.That(await QueryAsync(database, "select id from item", ct), Is.EqualTo(7));

                var second = Servers(args).Build();
                Assert.That(
                    () => second.StartAsync(ct), Throws.InstanceOf<DistributedApplicationException>().With.Message.Contains("in use by another"));
                await second.DisposeAsync();
            }

            builder = DistributedApplication.CreateBuilder(args);
            builder.AddPostgres("postgres").WithDataVolume().AddDatabase("shop");
            await using (var app = builder.Build())
            {
                await app.StartAsync(ct);
                await app.ResourceNotifications.WaitForResourceHealthyAsync("shop", ct);
                Assert.That(await QueryAsync(await ConnectionStringAsync(builder, "shop", ct), "select id from item", ct), Is.EqualTo(7));
            }

            Assert.That(File.GetUnixFileMode(Path.Combine(folder, "secrets.json")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test, CancelAfter(180_000)]
    public async Task Servers_stop_and_start_on_command_at_the_same_address(CancellationToken ct)
    {
        var builder = DistributedApplication.CreateBuilder();
        var redis = builder.AddRedis("redis");
        await using var app = builder.Build();
        await app.StartAsync(ct);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("redis", ct);
        var (pid, port) = (app.PidOf("redis"), redis.Resource.PrimaryEndpoint.Port);

        var stopped = await app.ResourceCommands.ExecuteCommandAsync("redis", KnownResourceCommands.StopCommand, ct);
        Assert.That(stopped.Success, Is.True);
        Assert.That(Machine.IsRunning(pid), Is.False);
        using (var client = new TcpClient())
            Assert.That(() => client.ConnectAsync("127.0.0.1", port, ct).AsTask(), Throws.InstanceOf<SocketException>());

        await app.ResourceCommands.ExecuteCommandAsync("redis", KnownResourceCommands.StartCommand, ct);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("redis", ct);
        Assert.That(redis.Resource.PrimaryEndpoint.Port, Is.EqualTo(port));
        Assert.That(app.PidOf("redis"), Is.Not.EqualTo(pid));

        var unknown = await app.ResourceCommands.ExecuteCommandAsync("redis", "resource-fly", ct);
        Assert.That(unknown.Success, Is.False);
    }
}
