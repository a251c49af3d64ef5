using System.Text;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Audit.Sinks;

/// <summary>The ways to send.</summary>
internal sealed class Deliveries(ReceiverNetwork network, SinkSecrets secrets, IOptions<AuditOptions> options, TimeProvider clock)
{
    /// <summary>Null where its secret cannot be read: the service's secret is another one than when it was stored.</summary>
    public IDelivery? Of(Sink sink)
    {
        var address = new Uri(sink.Address);
        if (sink.Kind == Sink.Syslog)
        {
            return new SyslogDelivery(
                network, address, sink.Format, sink.Authorities, options.Value.LogName,
                TimeSpan.FromSeconds(options.Value.SinkTimeoutSeconds));
        }

        if (secrets.Open(sink.Secret!) is not { } secret)
        {
            return null;
        }

        return sink.Kind == Sink.SplunkHec
            ? new SplunkDelivery(network.Client(sink.Authorities), address, sink.Format, Encoding.UTF8.GetString(secret), clock)
            : new WebhookDelivery(network.Client(sink.Authorities), address, sink.Format, Signing(sink, secret), clock);
    }

    private List<byte[]> Signing(Sink sink, byte[] secret)
    {
        var signing = new List<byte[]> { secret };
        if (sink.OldSecret is { } old && sink.OldSecretUntil > clock.GetUtcNow() && secrets.Open(old) is { } opened)
        {
            signing.Add(opened);
        }

        return signing;
    }
}
