using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>An instance to which no connection can be opened gets no requests for a while.</summary>
internal sealed class LeaveOutUnreachable(IDestinationHealthUpdater health) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "LeaveOutUnreachable";

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        if (context.Features.Get<IForwarderErrorFeature>() is { } failure && RetryElsewhere.WasNeverSent(failure)
            && cluster.Model.Config.HealthCheck?.Passive?.ReactivationPeriod is { } pause)
        {
            health.SetPassive(cluster, destination, DestinationHealth.Unhealthy, pause);
        }
    }
}
