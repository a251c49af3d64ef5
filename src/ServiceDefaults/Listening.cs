using System.Net;
using System.Text;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// A service listens for HTTP/1.1 where <c>ASPNETCORE_URLS</c> or <c>ASPNETCORE_HTTP_PORTS</c> say, and for gRPC on <c>GRPC_PORT</c> of the
/// same hosts, without TLS and with HTTP/2 only: without TLS there is no negotiation of the protocol.
/// </summary>
internal static class Listening
{
    public static void AddListening(this WebApplicationBuilder builder)
    {
        // Kestrel warns that the addresses below override those of the variable; they are the same.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // A header is bytes (RFC 9110 section 5.5): a character for each, so that none is refused and all are forwarded as they came.
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
            // More than the gateway lets through, with what it adds: it refuses for all.
            kestrel.Limits.MaxRequestLineSize = 64 * 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 128;
            if (!int.TryParse(builder.Configuration["GRPC_PORT"], out var grpcPort))
            {
                return;
            }

            var addresses = Addresses(builder.Configuration);
            foreach (var (host, port) in addresses)
            {
                Listen(kestrel, host, port, HttpProtocols.Http1);
            }

            foreach (var host in addresses.Select(address => address.Host).Distinct())
            {
                Listen(kestrel, host, grpcPort, HttpProtocols.Http2);
            }
        });
    }

    private static (string Host, int Port)[] Addresses(ConfigurationManager configuration)
    {
        var urls = configuration["URLS"] ?? configuration["ASPNETCORE_URLS"];
        if (!string.IsNullOrWhiteSpace(urls))
        {
            return [.. urls.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(BindingAddress.Parse)
                .Select(url => (url.Host, url.Port))];
        }

        var ports = configuration["HTTP_PORTS"] ?? configuration["ASPNETCORE_HTTP_PORTS"] ?? "8080";
        return [.. ports.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(port => ("*", int.Parse(port)))];
    }

    private static void Listen(KestrelServerOptions kestrel, string host, int port, HttpProtocols protocols)
    {
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            kestrel.Listen(IPAddress.Loopback, port, options => options.Protocols = protocols);
        }
        else if (IPAddress.TryParse(host, out var address))
        {
            kestrel.Listen(address, port, options => options.Protocols = protocols);
        }
        else
        {
            kestrel.ListenAnyIP(port, options => options.Protocols = protocols);
        }
    }
}
