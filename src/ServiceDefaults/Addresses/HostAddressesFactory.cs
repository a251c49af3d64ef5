using System.Diagnostics.CodeAnalysis;
using System.Net;

using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>Gives every service a <see cref="HostAddresses"/>, after the provider of the settings.</summary>
/// <param name="lookUp">The addresses of a host name; those of DNS unless another is registered.</param>
internal sealed class HostAddressesFactory(TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null)
    : IServiceEndpointProviderFactory
{
    public bool TryCreateProvider(ServiceEndpointQuery query, [NotNullWhen(true)] out IServiceEndpointProvider? provider)
    {
        provider = new HostAddresses(clock, lookUp ?? Dns.GetHostAddressesAsync);
        return true;
    }
}
