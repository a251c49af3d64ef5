using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

using EnvPlatform.ServiceDefaults.Addresses;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Audit.Sinks;

/// <summary>
/// Connects to receivers that somebody names from outside: only to public addresses with TLS, or into networks that the operator lists,
/// there also without. What is connected to is the address that was looked at, so that a name that resolves differently the next time
/// leads nowhere else.
/// </summary>
internal sealed class ReceiverNetwork(IOptions<AuditOptions> options)
{
    private readonly IPNetwork[] _private = [.. options.Value.PrivateReceivers.Select(IPNetwork.Parse)];

    /// <summary>A client for one receiver: no redirect is followed, no proxy asked, nothing remembered.</summary>
    /// <param name="authorities">PEM; null: whom this platform trusts.</param>
    public HttpClient Client(string? authorities) => new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxConnectionsPerServer = 2,
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            SslOptions = Tls(authorities),
            ConnectCallback = async (context, ct) => await ConnectAsync(
                context.DnsEndPoint.Host, context.DnsEndPoint.Port, context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps,
                ct),
        })
    { Timeout = TimeSpan.FromSeconds(options.Value.SinkTimeoutSeconds), MaxResponseContentBufferSize = 16 * 1024 };

    public static SslClientAuthenticationOptions Tls(string? authorities)
    {
        var tls = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13,
        };
        if (authorities is not null)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(SinkRequest.Certificates(authorities)!);
        }

        return tls;
    }

    /// <exception cref="ReceiverException">It has no address that may be connected to.</exception>
    public async Task<NetworkStream> ConnectAsync(string host, int port, bool isTls, CancellationToken ct)
    {
        // What is an address already is not looked up: of some, the resolver has nothing to say.
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, ct);
        var allowed = addresses.Where(address => IsPrivateAllowed(address) || (isTls && PublicAddress.Is(address))).ToArray();
        if (allowed.Length == 0)
        {
            throw new ReceiverException(
                isTls || addresses.All(address => !PublicAddress.Is(address))
                    ? $"{host} has no public address, and the operator of the platform lists none of its networks."
                    : $"{host} must be reached with TLS.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private bool IsPrivateAllowed(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _private.Any(network => network.Contains(plain));
    }
}

/// <summary>A receiver cannot be reached, in words for the people who named it.</summary>
internal sealed class ReceiverException(string message) : HttpRequestException(message);
