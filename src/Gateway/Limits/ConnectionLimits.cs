using System.Net;

using Microsoft.AspNetCore.HttpOverrides;

namespace EnvPlatform.Gateway.Limits;

/// <summary>What one connection may cost, and whose word on the caller's address counts.</summary>
internal static class ConnectionLimits
{
    /// <summary>Bytes of a request body where the route does not say otherwise.</summary>
    public const long DefaultBodySize = 1 << 20;

    public static void AddConnectionLimits(this WebApplicationBuilder builder) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.Limits.MaxRequestBodySize = DefaultBodySize;
        // A prefix of 4,096 characters, as a check at activation names it, takes up to nine times as many bytes in a request line.
        kestrel.Limits.MaxRequestLineSize = 48 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
    });

    public static void AddTrustedProxies(this WebApplicationBuilder builder)
    {
        var trusted = builder.Configuration.GetSection($"{GatewayOptions.Section}:{nameof(GatewayOptions.TrustedProxies)}").Get<string[]>()
            ?? [];
        builder.Services.Configure<ForwardedHeadersOptions>(options =>
        {
            options.ForwardedHeaders = trusted.Length == 0 ? ForwardedHeaders.None : ForwardedHeaders.XForwardedFor;
            options.ForwardLimit = null;
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            foreach (var proxy in trusted)
            {
                options.KnownProxies.Add(IPAddress.Parse(proxy));
            }
        });
    }
}
