using System.Net;
using System.Net.Sockets;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// What limits by source address count by: the address; of an IPv6 address the /64 network, which is what one subscriber has.
/// </summary>
public static class SourceNetwork
{
    public static string Of(IPAddress? address)
    {
        if (address is null)
        {
            return "unknown";
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.IsIPv4MappedToIPv6)
        {
            return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes).ToString();
    }
}
