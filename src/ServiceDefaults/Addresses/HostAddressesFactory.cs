using System.Diagnostics.CodeAnalysis;

using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>Gives every service a <see cref="HostAddresses"/>, after the provider of the settings.</summary>
internal sealed class HostAddressesFactory(TimeProvider clock) : IServiceEndpointProviderFactory
{
    public bool TryCreateProvider(ServiceEndpointQuery query, [NotNullWhen(true)] out IServiceEndpointProvider? provider)
    {
        provider = new HostAddresses(clock);
        return true;
    }
}
