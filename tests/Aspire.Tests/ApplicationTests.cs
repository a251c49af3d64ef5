using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace EnvPlatform.Aspire.Tests;

/// <summary>An application of servers, projects and programs, run in the test's process by the testing package.</summary>
public sealed class ApplicationTests
{
    private static async Task<DistributedApplication> StartAsync(CancellationToken ct, params string[] args)
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Aspire_SampleHost>(args, ct);
        var app = await builder.BuildAsync(ct);
        await app.StartAsync(ct);
        return app;
    }

    [Test, CancelAfter(180_000)]
    public async Task Projects_get_addresses_connection_strings_and_secrets_as_variables(CancellationToken ct)
    {
        await using var app = await StartAsync(ct);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("front", ct);
        using var front = app.CreateHttpClient("front");
        using var back = app.CreateHttpClient("back", "http");

        Assert.That(await front.GetStringAsync("/settings/services:back:http:0", ct), Is.EqualTo(app.GetEndpoint("back").OriginalString));
        Assert.That(await front.GetStringAsync("/settings/services:back:grpc:0", ct), Is.EqualTo(app.GetEndpoint("back", "grpc").OriginalString));
        Assert.That(await front.GetStringAsync("/settings/services:back:http:1", ct), Does.StartWith("http://127.0.0.1:"), "the second replica");
        Assert.That(await front.GetStringAsync("/settings/OWN_URL", ct), Is.EqualTo(app.GetEndpoint("front").OriginalString));
        Assert.That(await front.GetStringAsync("/settings/ConnectionStrings:redis", ct), Is.Empty, "not referred to");

        Assert.That(await back.GetStringAsync("/settings/ConnectionStrings:redis", ct), Is.EqualTo(await app.GetConnectionStringAsync("redis", ct)));
        Assert.That(await back.GetStringAsync("/settings/GRPC_PORT", ct), Is.EqualTo($"{app.GetEndpoint("back", "grpc").Port}"));
        Assert.That(await back.GetStringAsync("/settings/ASPNETCORE_URLS", ct), Is.Empty.Or.EqualTo(app.GetEndpoint("back").OriginalString));
        Assert.That(await back.GetStringAsync("/settings/OTEL_SERVICE_NAME", ct), Is.EqualTo("back"));
        Assert.That(await back.GetStringAsync("/settings/KEY", ct), Has.Length.EqualTo(40));
    }

    [Test, CancelAfter(180_000)]
    public async Task What_waits_starts_after_what_it_waits_for_and_stops_before_it(CancellationToken ct)
    {
        var order = new List<string>();
        await using (var app = await StartAsync(ct))
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var watching = WatchAsync(app, order, over.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("front", ct);
            await app.StopAsync(ct);
            await Machine.EventuallyAsync(() => order.Contains("redis Exited"), "redis has not stopped", ct);
            await over.CancelAsync();
            await watching;
        }

        Assert.That(order, Is.SupersetOf(new[] { "redis Running", "seed Finished", "back Starting", "back-1 Starting", "front Starting" }));
        Assert.That(order.IndexOf("back Starting"), Is.GreaterThan(order.IndexOf("redis Running")).And.GreaterThan(order.IndexOf("seed Finished")));
        Assert.That(order.IndexOf("front Starting"), Is.GreaterThan(order.IndexOf("back Running")));
        Assert.That(order.IndexOf("redis Stopping"), Is.GreaterThan(order.IndexOf("back Exited")).And.GreaterThan(order.IndexOf("back-1 Exited")));
        Assert.That(order.IndexOf("back Stopping"), Is.GreaterThan(order.IndexOf("front Exited")));
    }

    private static async Task WatchAsync(DistributedApplication app, List<string> order, CancellationToken ct)
    {
        try
        {
            await foreach (var change in app.ResourceNotifications.WatchAsync(ct))
                if ($"{change.ResourceId} {change.Snapshot.State?.Text}" is var line && order.LastOrDefault() != line)
                    order.Add(line);
        }
        catch (OperationCanceledException)
        {
            // The watch is over.
        }
    }

    [Test, CancelAfter(180_000)]
    public async Task A_process_that_dies_is_started_again_and_the_others_run_on(CancellationToken ct)
    {
        await using var app = await StartAsync(ct);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("front", ct);
        var (front, back, redis) = (app.PidOf("front"), app.PidOf("back"), app.PidOf("redis"));

        Machine.Signal(front, Machine.Kill);
        Machine.Signal(redis, Machine.Kill);
        await Task.WhenAll(app.RestartedAsync("front", front, ct), app.RestartedAsync("redis", redis, ct));
        Assert.That(app.PidOf("back"), Is.EqualTo(back));
        using var client = app.CreateHttpClient("front");
        Assert.That(await client.GetStringAsync("/health/ready", ct), Is.EqualTo("ready"));
    }

    [Test, CancelAfter(180_000)]
    public async Task A_resource_that_cannot_start_is_reported_with_the_end_of_its_log(CancellationToken ct)
    {
        await using var app = await StartAsync(ct, "--fail", "no such feed");
        var failure = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.ResourceNotifications.WaitForResourceHealthyAsync("front", ct));
        Assert.That(failure!.Message, Does.Contain("'front'").And.Contain("code 3").And.Contain("cannot start: no such feed"));
    }

    [Test, CancelAfter(180_000)]
    public async Task The_temporary_data_folder_goes_with_the_application(CancellationToken ct)
    {
        string folder;
        await using (var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Aspire_SampleHost>([], ct))
        {
            folder = builder.Configuration["Aspire:DataFolder"]!;
            await using var app = await builder.BuildAsync(ct);
            await app.StartAsync(ct);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("redis", ct);
            Assert.That(Path.Combine(folder, "logs", "redis.log"), Does.Exist);
        }

        Assert.That(folder, Does.Not.Exist);
    }

    [Test, CancelAfter(180_000)]
    public async Task The_temporary_folder_of_a_killed_application_goes_with_the_next_one(CancellationToken ct)
    {
        var abandoned = Directory.CreateTempSubdirectory("aspire-app-").FullName;
        await File.WriteAllTextAsync(Path.Combine(abandoned, "lock"), "", ct);
        await using var builder = DistributedApplicationTestingBuilder.Create();
        await using var app = await builder.BuildAsync(ct);
        await app.StartAsync(ct);
        Assert.That(abandoned, Does.Not.Exist);
    }

    [Test, CancelAfter(180_000)]
    public async Task A_parameter_without_a_value_stops_the_start(CancellationToken ct)
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddParameter("api-key", secret: true);
        await using var app = await builder.BuildAsync(ct);
        Assert.That(() => app.StartAsync(ct), Throws.InstanceOf<DistributedApplicationException>().With.Message.Contains("Parameters:api-key"));
    }
}
