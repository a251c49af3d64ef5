using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>
/// The real servers that tests use: those that the variables <c>ENVPLATFORM_TEST_POSTGRES</c>, <c>_RABBITMQ</c> and <c>_REDIS</c> name
/// (connection strings), otherwise private ones, started once for a test run. Where they cannot be started, tests are ignored with the reason,
/// and fail when <c>CI</c> is set.
/// </summary>
public static class TestServers
{
    private static readonly Lazy<Started> Private = new(() => StartAsync().GetAwaiter().GetResult());

    private sealed record Started(string Postgres, string RabbitMq, string Redis, string? Failure);

    public static string Postgres => Given("ENVPLATFORM_TEST_POSTGRES") ?? Need().Postgres;

    public static string RabbitMq => Given("ENVPLATFORM_TEST_RABBITMQ") ?? Need().RabbitMq;

    public static string Redis => Given("ENVPLATFORM_TEST_REDIS") ?? Need().Redis;

    private static string? Given(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given ? given : null;

    private static Started Need()
    {
        if (Private.Value.Failure is { } failure)
        {
            var reason = $"The servers could not be started: {failure}";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail(reason);
            }

            Assert.Ignore(reason);
        }

        return Private.Value;
    }

    private static async Task<Started> StartAsync()
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { DisableDashboard = true });
        var postgres = builder.AddPostgres("postgres");
        var rabbitMq = builder.AddRabbitMQ("messaging");
        var redis = builder.AddRedis("redis");
        var app = builder.Build();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => app.Dispose();
        try
        {
            using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            await app.StartAsync(timeout.Token);
            foreach (var resource in new[] { "postgres", "messaging", "redis" })
            {
                await app.ResourceNotifications.WaitForResourceHealthyAsync(resource, WaitBehavior.StopOnResourceUnavailable, timeout.Token);
            }

            return new(
                (await postgres.Resource.ConnectionStringExpression.GetValueAsync(timeout.Token))!,
                (await rabbitMq.Resource.ConnectionStringExpression.GetValueAsync(timeout.Token))!,
                (await redis.Resource.ConnectionStringExpression.GetValueAsync(timeout.Token))!, null);
        }
        catch (Exception exception) when (exception is DistributedApplicationException or OperationCanceledException)
        {
            return new("", "", "", exception.Message);
        }
    }
}
