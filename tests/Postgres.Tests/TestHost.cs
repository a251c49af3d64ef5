using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Idempotency;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using MassTransit;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>A small service with only the shared parts, on real servers.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestHost(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    public Uri Address { get; }

    public NpgsqlDataSource Db => _app.Services.GetRequiredService<NpgsqlDataSource>();

    public Received Received => _app.Services.GetRequiredService<Received>();

    /// <param name="consumes">Whether this host has a queue for <see cref="EnvironmentRemoved"/>.</param>
    public static async Task<TestHost> StartAsync(
        TestDatabase database, string prefix, bool consumes = true, Action<IEndpointRouteBuilder>? map = null,
        Action<IServiceCollection>? services = null, string? connectionString = null)
    {
        var address = new Uri($"http://127.0.0.1:{TestPorts.Next()}");
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { ApplicationName = "EnvPlatform.Postgres.Tests", EnvironmentName = "Production" });
        builder.Configuration["urls"] = address.ToString();
        builder.Configuration.AddInMemoryCollection(TestKeys.SettingsOf("tests"));
        builder.Configuration["ConnectionStrings:tests"] =
            connectionString ?? await database.PrepareAsync(typeof(TestHost).Assembly);
        builder.Configuration["ConnectionStrings:messaging"] = TestServers.RabbitMq;
        builder.Configuration["Messaging:Prefix"] = prefix;
        builder.Configuration["Postgres:RelayPollSeconds"] = "1";
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.AddSingleton<Received>();
        builder.AddServiceDefaults("tests");
        builder.AddPostgres("tests", typeof(TestHost).Assembly);
        builder.AddMessaging("tests", bus =>
        {
            if (consumes)
            {
                bus.AddConsumer<TakeNote>();
                bus.AddConsumer<TakeNotes>();
            }
        });
        services?.Invoke(builder.Services);
        var web = builder.Build();
        web.UseServiceDefaults();
        web.UseIdempotency();
        map?.Invoke(web);
        await web.StartAsync();
        var host = new TestHost(web, address);
        using var client = new HttpClient { BaseAddress = address };
        await Eventually.BecomesTrueAsync(
            async () => (await client.GetAsync(new Uri("/health/ready", UriKind.Relative))).StatusCode == HttpStatusCode.OK, "ready");
        return host;
    }

    public T Get<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    public HttpClient As(TestCaller caller) =>
        new(new SignedRequests(caller.ToAssertion, TestKeys.Of(Assertion.Gateway, "tests"))) { BaseAddress = Address };

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What the consumer saw: per message how often it arrived, and how often it took effect.</summary>
internal sealed class Received
{
    public ConcurrentDictionary<Guid, int> Deliveries { get; } = new();

    /// <summary>How many times the next batch fails.</summary>
    public int Fail { get; set; }

    public ConcurrentBag<(EnvironmentId Environment, string? TraceId)> Effects { get; } = [];
}

internal sealed class TakeNote(NpgsqlDataSource db, Received received) : IConsumer<EnvironmentRemoved>
{
    public async Task Consume(ConsumeContext<EnvironmentRemoved> context)
    {
        await db.HandleOnceAsync(this, context, (_, removed) =>
        {
            received.Effects.Add((removed.EnvironmentId, Activity.Current?.TraceId.ToString()));
            return Task.CompletedTask;
        });
        received.Deliveries.AddOrUpdate(context.MessageId!.Value, 1, (_, n) => n + 1);
    }
}

internal sealed class TakeNotes(NpgsqlDataSource db, Received received) : IConsumer<Batch<EnvironmentArchived>>
{
    public Task Consume(ConsumeContext<Batch<EnvironmentArchived>> context) =>
        db.HandleBatchOnceAsync(this, context, async (tx, messages) =>
        {
            foreach (var archived in messages)
            {
                await tx.ExecuteAsync("insert into notes (text) values (@Text)", new { Text = archived.EnvironmentId.ToString() });
            }

            if (received.Fail-- > 0)
            {
                throw new InvalidOperationException("a fault");
            }

            received.Fail = 0;
            foreach (var archived in messages)
            {
                received.Effects.Add((archived.EnvironmentId, null));
            }
        });
}
