using System.Globalization;
using System.Net;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity;

/// <summary>
/// From where a credential may be used: networks in CIDR notation (RFC 4632, RFC 4291 section 2.3), a single address as the network of it
/// alone; null for everywhere.
/// </summary>
internal static class AllowedAddresses
{
    public const int Most = 50;
    public const string Field = "allowed_ips";

    /// <summary>The networks as they are stored: without what their mask leaves out, each once, in their order.</summary>
    /// <returns>False with what is wrong.</returns>
    public static bool TryRead(IReadOnlyList<string>? given, out string[]? networks, out string problem)
    {
        (networks, problem) = (null, "");
        if (given is null)
        {
            return true;
        }

        if (given.Count is 0 or > Most)
        {
            problem = $"Must be 1 to {Most} networks, or left out for everywhere.";
            return false;
        }

        var read = new List<string>(given.Count);
        foreach (var text in given)
        {
            if (text is null || NetworkOf(text) is not { } network)
            {
                problem = $"'{text}' is no network like 192.0.2.0/24, and no address.";
                return false;
            }

            read.Add(network.ToString());
        }

        networks = [.. read.Distinct(StringComparer.Ordinal)];
        return true;
    }

    /// <param name="address">Where a request came from; null where that is not known, which only an open credential admits.</param>
    public static bool Admit(IReadOnlyList<string>? networks, string? address) =>
        networks is null || new AdmittedNetworks(networks).Admit(address);

    /// <summary>What both admit: networks are in each other or apart.</summary>
    public static string[]? Both(string[]? one, string[]? other)
    {
        if (one is null || other is null)
        {
            return one ?? other;
        }

        return
        [
            .. (from a in one.Select(IPNetwork.Parse)
                from b in other.Select(IPNetwork.Parse)
                where a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress)
                select (a.PrefixLength > b.PrefixLength ? a : b).ToString()).Distinct(StringComparer.Ordinal),
        ];
    }

    private static IPNetwork? NetworkOf(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address) || address.ToString() is not { } plain
            || plain.Contains('%', StringComparison.Ordinal) || !IsWrittenOut(text))
        {
            return null;
        }

        var bits = address.GetAddressBytes().Length * 8;
        var length = bits;
        if (slash >= 0 && !(int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, null, out length) && length <= bits))
        {
            return null;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            if (length < 96)
            {
                return null;
            }

            (address, length) = (address.MapToIPv4(), length - 96);
        }

        return new IPNetwork(Masked(address, length), length);
    }

    /// <summary>Not <c>10</c> or <c>0x7f.1</c>, which parse as addresses and mean something else than they seem to.</summary>
    private static bool IsWrittenOut(string text) =>
        text.Contains(':', StringComparison.Ordinal)
        || (text.Count(character => character == '.') == 3
            && text.All(character => char.IsAsciiDigit(character) || character is '.' or '/')
            && !text.Split('.', '/').Any(part => part.Length is 0 or > 3 || (part.Length > 1 && part[0] == '0')));

    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - kept));
        }

        return new IPAddress(bytes);
    }
}
