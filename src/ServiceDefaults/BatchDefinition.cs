using MassTransit;

namespace EnvPlatform.ServiceDefaults;

/// <summary>How a consumer takes many messages at once. Messages are prefetched for one batch more than may run concurrently.</summary>
/// <param name="messageLimit">Maximum number of messages in a batch.</param>
/// <param name="milliseconds">How long the first message of a batch waits for others.</param>
/// <param name="concurrency">Batches that may run concurrently in one instance.</param>
public abstract class BatchDefinition<TConsumer>(int messageLimit = 200, int milliseconds = 20, int concurrency = 1)
    : ConsumerDefinition<TConsumer>
    where TConsumer : class, IConsumer
{
    protected sealed override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<TConsumer> consumerConfigurator,
        IRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(endpointConfigurator);
        ArgumentNullException.ThrowIfNull(consumerConfigurator);
        endpointConfigurator.PrefetchCount = (concurrency + 1) * messageLimit;
        consumerConfigurator.Options<BatchOptions>(batch => batch
            .SetMessageLimit(messageLimit).SetTimeLimit(TimeSpan.FromMilliseconds(milliseconds)).SetConcurrencyLimit(concurrency));
    }
}
