using Grpc.Core;
using Grpc.Net.Client.Balancer;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>Gives a gRPC channel the addresses of all instances of a service, and updates them when they change.</summary>
internal sealed class ServiceResolver(string service, ServiceEndpointResolver endpoints, ILoggerFactory log) : PollingResolver(log)
{
    private IDisposable? _changes;

    protected override async Task ResolveAsync(CancellationToken cancellationToken)
    {
        var source = await endpoints.GetEndpointsAsync(ServiceAddresses.NameOf(service, "grpc"), cancellationToken);
        // Not at once: no look-up starts while another one runs.
        var changes = source.ChangeToken.RegisterChangeCallback(_ => ThreadPool.QueueUserWorkItem(_ => Refresh()), null);
        Interlocked.Exchange(ref _changes, changes)?.Dispose();
        var addresses = source.Endpoints.Select(endpoint => endpoint.EndPoint).OfType<UriEndPoint>()
            .Select(endpoint => new BalancerAddress(endpoint.Uri.IdnHost, endpoint.Uri.Port)).ToArray();
        Listener(addresses.Length > 0
            ? ResolverResult.ForResult(addresses)
            : ResolverResult.ForFailure(
                new Status(StatusCode.Unavailable, $"No address of {service} is known, by the settings services:{service}:grpc:0, :1...")));
    }

    protected override void Dispose(bool disposing)
    {
        Interlocked.Exchange(ref _changes, null)?.Dispose();
        base.Dispose(disposing);
    }
}
