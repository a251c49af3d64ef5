using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Health;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>
/// The readiness of every cluster's instances is polled continuously, and one that cannot be reached is left out from the first failure on.
/// When none is healthy, all are tried: a service that is not ready answers for itself.
/// </summary>
internal sealed class ServiceHealth : IProxyConfigFilter
{
    private const string FailuresBeforeUnhealthy = "2";

    private static readonly HealthCheckConfig HealthCheck = new()
    {
        AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
        Active = new()
        {
            Enabled = true,
            Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
            Path = "/health/ready",
            Interval = TimeSpan.FromSeconds(2),
            Timeout = TimeSpan.FromSeconds(2),
        },
        Passive = new() { Enabled = true, Policy = LeaveOutUnreachable.PolicyName, ReactivationPeriod = TimeSpan.FromSeconds(5) },
    };

    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel) =>
        ValueTask.FromResult(cluster with
        {
            HealthCheck = HealthCheck,
            Metadata = new Dictionary<string, string>(cluster.Metadata ?? new Dictionary<string, string>())
            {
                [ConsecutiveFailuresHealthPolicyOptions.ThresholdMetadataName] = FailuresBeforeUnhealthy,
            },
        });

    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) =>
        ValueTask.FromResult(route);
}
