using System.Net;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>The networks from which a credential is good.</summary>
/// <param name="networks">In CIDR notation; what is none admits nothing.</param>
public sealed class AdmittedNetworks(IEnumerable<string> networks)
{
    private readonly IPNetwork[] _networks =
        [.. networks.Select(network => IPNetwork.TryParse(network, out var parsed) ? parsed : (IPNetwork?)null).OfType<IPNetwork>()];

    /// <param name="address">Where a request came from; null, where that is not known, is not admitted.</param>
    public bool Admit(string? address)
    {
        if (!IPAddress.TryParse(address, out var from))
        {
            return false;
        }

        var plain = from.IsIPv4MappedToIPv6 ? from.MapToIPv4() : from;
        return Array.Exists(_networks, network => network.Contains(plain));
    }
}
