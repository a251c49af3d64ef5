using System.Net;

using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Testing;

using Grpc.Core;
using Grpc.Health.V1;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using EnvironmentsClient = EnvPlatform.Contracts.Ingest.Environments.EnvironmentsClient;
using HealthClient = Grpc.Health.V1.Health.HealthClient;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>How a service calls the instances of another by gRPC.</summary>
public sealed class ServiceClientTests
{
    [Test]
    public async Task Calls_go_to_every_instance_by_turns_with_the_assertion_of_the_service_that_asks()
    {
        await using var one = await Peer.StartAsync();
        await using var two = await Peer.StartAsync();
        using var host = Asking(one.Port, two.Port);
        var client = host.Services.GetRequiredService<EnvironmentsClient>();
        await CallAsync(client);
        await Eventually(async () =>
        {
            await CallAsync(client);
            return two.Calls > 0 && one.Calls > 0;
        });
        (one.Calls, two.Calls) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => CallAsync(client)));

        Assert.That((one.Calls, two.Calls), Is.EqualTo((50, 50)));
        Assert.That(one.LastCaller, Is.EqualTo("scanner"));
    }

    [Test]
    public async Task No_call_fails_when_an_instance_dies_and_it_is_asked_again_when_it_is_back()
    {
        await using var one = await Peer.StartAsync();
        await using var two = await Peer.StartAsync();
        using var host = Asking(one.Port, two.Port);
        var client = host.Services.GetRequiredService<EnvironmentsClient>();
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var calls = 0;
            for (; !stop.IsCancellationRequested; calls++)
            {
                await CallAsync(client);
            }

            return calls;
        })).ToArray();
        await Eventually(() => Task.FromResult(one.Calls > 20 && two.Calls > 20));
        await one.KillAsync();
        await Task.Delay(1_000);
        await using var again = await Peer.StartAsync(one.Port);
        await Eventually(() => Task.FromResult(again.Calls > 20));
        await stop.CancelAsync();

        Assert.That((await Task.WhenAll(workers)).Sum(), Is.GreaterThan(100));
    }

    [Test]
    public async Task A_host_name_stands_for_all_its_addresses_and_is_looked_up_again()
    {
        await using var one = await Peer.StartAsync();
        await using var two = await Peer.StartAsync(one.Port, "127.0.0.2");
        IPAddress[] addresses = [IPAddress.Parse("127.0.0.1")];
        using var host = Asking(
            new() { ["services:ingest:grpc:0"] = $"http://ingest.example:{one.Port}" }, (_, _) => Task.FromResult(addresses));
        var client = host.Services.GetRequiredService<EnvironmentsClient>();
        await CallAsync(client);
        addresses = [IPAddress.Parse("127.0.0.1"), IPAddress.Parse("127.0.0.2")];
        await Eventually(async () =>
        {
            await CallAsync(client);
            return two.Calls > 0;
        });
        var before = one.Calls;
        await CallAsync(client);
        await CallAsync(client);

        Assert.That(one.Calls, Is.GreaterThan(before));
    }

    [Test]
    public async Task A_stream_whose_peer_dies_ends_with_an_error_and_not_as_if_it_were_whole()
    {
        await using var one = await Peer.StartAsync();
        using var host = Asking(one.Port);
        using var call = host.Services.GetRequiredService<PackageSets.PackageSetsClient>()
            .GetPackageSet(new() { PackageSetId = 10 }, deadline: Soon(10));
        Assert.That(await call.ResponseStream.MoveNext(), Is.True);
        await one.KillAsync();
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });

        Assert.That(one.Calls, Is.EqualTo(1), "a stream that has begun is not begun again");
    }

    [Test]
    public async Task A_message_over_the_limit_is_refused_and_not_asked_for_again()
    {
        await using var one = await Peer.StartAsync();
        using var host = Asking(one.Port);
        using var call = host.Services.GetRequiredService<PackageSets.PackageSetsClient>()
            .GetPackageSet(new() { PackageSetId = 5_000_000 }, deadline: Soon(10));
        var answer = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        var question = new DescribeEnvironmentsRequest { OrganizationId = new string('x', 5_000_000) };
        var asked = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Services.GetRequiredService<EnvironmentsClient>()
                .DescribeEnvironmentsAsync(question, deadline: Soon(10)));

        Assert.That(answer!.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
        Assert.That(asked!.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
        Assert.That(one.Calls, Is.EqualTo(1), "the second is refused before it is read");
    }

    [Test]
    public async Task A_service_that_is_away_or_has_no_address_is_unavailable_at_once()
    {
        using var away = Asking(TestPorts.Next());
        using var unknown = Asking();
        var started = TimeProvider.System.GetTimestamp();
        var one = await Assert.ThrowsAsync<RpcException>(() => CallAsync(away.Services.GetRequiredService<EnvironmentsClient>()));
        var two = await Assert.ThrowsAsync<RpcException>(() => CallAsync(unknown.Services.GetRequiredService<EnvironmentsClient>()));

        Assert.That(one!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(two!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(two.Status.Detail, Does.Contain("services:ingest:grpc:0"));
        Assert.That(TimeProvider.System.GetElapsedTime(started), Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    [Test]
    public async Task Readiness_is_told_by_the_health_protocol_to_anybody()
    {
        await using var one = await Peer.StartAsync();
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress($"http://127.0.0.1:{one.Port}");
        var health = new HealthClient(channel);
        Assert.That(
            (await health.CheckAsync(new(), deadline: Soon(10))).Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.Serving));
        one.IsReady = false;
        Assert.That(
            (await health.CheckAsync(new(), deadline: Soon(10))).Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.NotServing));
        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(new EnvironmentsClient(channel)));
        Assert.That(refused!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated), "health alone is for anybody");
    }

    private static DateTime Soon(int seconds) => TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(seconds);

    private static async Task CallAsync(EnvironmentsClient client) => await client.DescribeEnvironmentsAsync(new(), deadline: Soon(10));

    private static IHost Asking(params int[] ports) =>
        Asking(ports.Select((port, i) => ($"services:ingest:grpc:{i}", $"http://127.0.0.1:{port}"))
            .ToDictionary(pair => pair.Item1, pair => (string?)pair.Item2));

    private static IHost Asking(Dictionary<string, string?> settings, Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(new ServiceName("scanner"));
        builder.Services.AddSingleton(new Callers.CallKeys([], [Testing.TestKeys.Of("scanner", "ingest")]));
        if (lookUp is not null)
        {
            builder.Services.AddSingleton(lookUp);
        }

        builder.AddServiceClient<EnvironmentsClient>("ingest");
        builder.AddServiceClient<PackageSets.PackageSetsClient>("ingest");
        return builder.Build();
    }

    private static Task Eventually(Func<Task<bool>> condition) =>
        Testing.Eventually.BecomesTrueAsync(condition, "both instances are asked", seconds: 15);
}
