using System.Data.Common;

using MassTransit;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// RabbitMQ by MassTransit: one quorum queue per consumer named <c>service-consumer</c>, retries in the process, then the queue's error
/// queue (<c>..._error</c>), a delivery limit against messages that crash their consumer.
/// </summary>
public static class Messaging
{
    /// <summary>Deliveries of one message after which RabbitMQ drops it.</summary>
    private const int DeliveryLimit = 20;

    /// <summary>
    /// Tries, two seconds apart, to reach an unavailable database; RabbitMQ redelivers messages that take longer than its consumer timeout.
    /// </summary>
    private const int DatabaseTries = 10_000;

    /// <param name="service">Prefix of the queues' names.</param>
    /// <param name="configure">Registers the consumers.</param>
    /// <param name="durable">False for queues that live as long as this process (each gateway receives every message).</param>
    public static IHostApplicationBuilder AddMessaging(
        this IHostApplicationBuilder builder, string service, Action<IBusRegistrationConfigurator> configure, bool durable = true)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var connectionString = builder.Configuration.GetConnectionString("messaging")
            ?? throw new InvalidOperationException("The connection string ConnectionStrings:messaging is missing.");
        // This setting distinguishes platforms that share a broker; each test has its own.
        var prefix = builder.Configuration["Messaging:Prefix"] is { Length: > 0 } given ? given + "-" : "";
        builder.Services.AddSingleton(MessagingUser.Of(new Uri(connectionString)));
        builder.Services.AddMassTransit(bus =>
        {
            // The library would send usage data to its vendor.
            bus.DisableUsageTelemetry();
            bus.SetEndpointNameFormatter(new KebabCaseEndpointNameFormatter(prefix + service, includeNamespace: false));
            configure(bus);
            bus.AddConfigureEndpointsCallback((_, _, endpoint) =>
            {
                // Nobody receives them, and nobody may publish them: a failed message is in the error queue, and in the log.
                endpoint.PublishFaults = false;
                if (durable && endpoint is IRabbitMqReceiveEndpointConfigurator queue)
                {
                    queue.SetQuorumQueue();
                    queue.SetQueueArgument("x-delivery-limit", DeliveryLimit);
                }

                // An unavailable database delays messages; it does not fill the error queue with them.
                endpoint.UseMessageRetry(retry =>
                {
                    retry.Handle<DbException>(exception => exception.IsTransient);
                    retry.Interval(DatabaseTries, TimeSpan.FromSeconds(2));
                });
                endpoint.UseMessageRetry(retry =>
                {
                    retry.Ignore<DbException>(exception => exception.IsTransient);
                    retry.Intervals(100, 500, 2_000, 5_000);
                });
            });
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.Host(new Uri(connectionString), host =>
                {
                    host.PublisherConfirmation = true;
                    host.RequestedConnectionTimeout(TimeSpan.FromSeconds(5));
                });
                rabbit.MessageTopology.SetEntityNameFormatter(
                    new PrefixEntityNameFormatter(rabbit.MessageTopology.EntityNameFormatter, prefix));
                rabbit.ConfigureEndpoints(context);
            });
        });
        builder.Services.Configure<MassTransitHostOptions>(options =>
        {
            options.WaitUntilStarted = false;
            options.StopTimeout = TimeSpan.FromSeconds(15);
        });
        return builder;
    }
}

/// <summary>As whom this service signs in to the broker.</summary>
public sealed record MessagingUser(string Name)
{
    internal static MessagingUser Of(Uri connection) => new(Uri.UnescapeDataString(connection.UserInfo.Split(':')[0]));
}
