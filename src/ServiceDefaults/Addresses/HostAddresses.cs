using System.Net;
using System.Net.Sockets;

using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>
/// Replaces a host name by all of its DNS addresses, so that a name that stands for many instances (a headless service of Kubernetes)
/// reaches all of them. The names are resolved again every few seconds.
/// </summary>
internal sealed class HostAddresses(TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>> lookUp)
    : IServiceEndpointProvider
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);
    private CancellationTokenSource _stop = new();

    public async ValueTask PopulateAsync(IServiceEndpointBuilder endpoints, CancellationToken cancellationToken)
    {
        var named = endpoints.Endpoints.Where(IsNamed).Select(endpoint => ((UriEndPoint)endpoint.EndPoint).Uri).ToArray();
        if (named.Length == 0)
        {
            return;
        }

        var found = await FindAsync(named, cancellationToken);
        for (var i = endpoints.Endpoints.Count - 1; i >= 0; i--)
        {
            if (IsNamed(endpoints.Endpoints[i]))
            {
                endpoints.Endpoints.RemoveAt(i);
            }
        }

        foreach (var address in found.Order(StringComparer.Ordinal))
        {
            endpoints.Endpoints.Add(ServiceEndpoint.Create(new UriEndPoint(new Uri(address))));
        }

        var changed = new CancellationTokenSource();
        endpoints.AddChangeToken(new CancellationChangeToken(changed.Token));
        var stop = new CancellationTokenSource();
        using (var before = Interlocked.Exchange(ref _stop, stop))
        {
            await before.CancelAsync();
        }

        _ = WatchAsync(named, found, changed, stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _stop.Dispose();
    }

    /// <summary>The addresses of localhost are of one instance.</summary>
    private static bool IsNamed(ServiceEndpoint endpoint) =>
        endpoint.EndPoint is UriEndPoint { Uri: { HostNameType: UriHostNameType.Dns, IsLoopback: false } };

    private async Task WatchAsync(Uri[] named, HashSet<string> known, CancellationTokenSource changed, CancellationToken stop)
    {
        try
        {
            using var timer = new PeriodicTimer(LookInterval, clock);
            while (await timer.WaitForNextTickAsync(stop))
            {
                var found = await FindAsync(named, stop);
                // A short outage of the name server does not remove instances.
                if (found.Count > 0 && !found.SetEquals(known))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }

        using (changed)
        {
            await changed.CancelAsync();
        }
    }

    private async Task<HashSet<string>> FindAsync(Uri[] named, CancellationToken ct)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var uri in named)
        {
            try
            {
                foreach (var address in await lookUp(uri.IdnHost, ct))
                {
                    found.Add(new UriBuilder(uri) { Host = address.ToString() }.Uri.ToString());
                }
            }
            catch (SocketException)
            {
                // The name is unknown, or currently cannot be resolved: it has no addresses.
            }
        }

        return found;
    }
}
