using System.Collections.Concurrent;

using MassTransit;

namespace EnvPlatform.Testing;

/// <summary>Receives the events that services publish on a broker, as another service would.</summary>
public sealed class EventRecorder : IAsyncDisposable
{
    private readonly ConcurrentQueue<object> _heard = new();
    private readonly IBusControl _bus;

    private EventRecorder(string messagingPrefix, Action<Subscription> subscribe)
    {
        _bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(new Uri(TestServers.RabbitMq));
            // As services name their exchanges: see Messaging.
            rabbit.MessageTopology.SetEntityNameFormatter(
                new PrefixEntityNameFormatter(rabbit.MessageTopology.EntityNameFormatter, messagingPrefix + "-"));
            rabbit.ReceiveEndpoint(messagingPrefix + "-recorder", endpoint =>
            {
                endpoint.AutoDelete = true;
                endpoint.Durable = false;
                endpoint.PrefetchCount = 500;
                subscribe(new Subscription(endpoint, _heard));
            });
        });
    }

    /// <param name="messagingPrefix">The prefix of the fixtures to listen to.</param>
    /// <param name="subscribe">Names the events: <c>on => on.Event&lt;A&gt;().Event&lt;B&gt;()</c>.</param>
    public static async Task<EventRecorder> StartAsync(string messagingPrefix, Action<Subscription> subscribe)
    {
        var recorder = new EventRecorder(messagingPrefix, subscribe);
        await recorder._bus.StartAsync();
        return recorder;
    }

    /// <summary>The events received so far, in the order of arrival; a message may be there twice.</summary>
    public IReadOnlyList<T> Heard<T>() => [.. _heard.OfType<T>()];

    public async ValueTask DisposeAsync() => await _bus.StopAsync();

    /// <summary>The events that a recorder listens to.</summary>
    public sealed class Subscription
    {
        private readonly IReceiveEndpointConfigurator _endpoint;
        private readonly ConcurrentQueue<object> _heard;

        internal Subscription(IReceiveEndpointConfigurator endpoint, ConcurrentQueue<object> heard)
        {
            _endpoint = endpoint;
            _heard = heard;
        }

        public Subscription Event<T>() where T : class
        {
            _endpoint.Handler<T>(context =>
            {
                _heard.Enqueue(context.Message);
                return Task.CompletedTask;
            });
            return this;
        }
    }
}
