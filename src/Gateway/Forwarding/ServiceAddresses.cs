using Yarp.ReverseProxy.Configuration;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>Gives each cluster the addresses that the settings <c>services:NAME:http:N</c> name, one for each instance of the service.</summary>
internal sealed class ServiceAddresses(IConfiguration configuration) : IProxyConfigFilter
{
    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel)
    {
        var addresses = configuration.GetSection($"services:{cluster.ClusterId}:http").GetChildren()
            .Where(address => !string.IsNullOrWhiteSpace(address.Value))
            .ToDictionary(address => address.Key, address => new DestinationConfig { Address = address.Value! }, StringComparer.Ordinal);
        return ValueTask.FromResult(addresses.Count == 0 ? cluster : cluster with { Destinations = addresses });
    }

    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) => ValueTask.FromResult(route);
}
