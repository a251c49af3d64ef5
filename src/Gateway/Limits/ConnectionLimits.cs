using System.Net;

using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;

namespace EnvPlatform.Gateway.Limits;

/// <summary>The limits of one connection, and the proxies that are trusted for the caller's address.</summary>
internal static class ConnectionLimits
{
    /// <summary>Bytes of a request body where the route does not say otherwise.</summary>
    public const long DefaultBodySize = 1 << 20;

    /// <summary>
    /// Bytes of a request's path and query. A prefix of 4,096 characters, as a check at activation names it, takes up to nine times as
    /// many.
    /// </summary>
    private const int TargetSize = 48 * 1024;

    /// <summary>Bytes of all headers of a request together.</summary>
    private const int HeadersSize = 16 * 1024;
    private const int HeaderCount = 64;

    /// <summary>
    /// What is larger than allowed but not by more than this is read, so that it is answered with a problem document: beyond, Kestrel
    /// answers by itself, with the bare status, and closes the connection.
    /// </summary>
    private const int ReadFactor = 4;

    public static void AddConnectionLimits(this WebApplicationBuilder builder) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.Limits.MaxRequestBodySize = DefaultBodySize;
        kestrel.Limits.MaxRequestLineSize = TargetSize * ReadFactor;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeadersSize * ReadFactor;
        kestrel.Limits.MaxRequestHeaderCount = HeaderCount * ReadFactor;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
    });

    /// <summary>414 for an address that is too long, 431 for headers that are too large.</summary>
    public static void UseConnectionLimits(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        if (http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Length > TargetSize)
        {
            return Problems.Of(
                StatusCodes.Status414UriTooLong, "uri_too_long", "The address is too long.",
                $"Path and query may have {TargetSize} bytes at most.").ExecuteAsync(http);
        }

        var (count, size) = Measure(http.Request.Headers);
        return count > HeaderCount || size > HeadersSize
            ? Problems.Of(
                StatusCodes.Status431RequestHeaderFieldsTooLarge, "headers_too_large", "The headers are too large.",
                $"A request may have {HeaderCount} headers of {HeadersSize} bytes together at most.").ExecuteAsync(http)
            : next(http);
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

    /// <summary>How many headers came, and their bytes with colon, space and line end.</summary>
    private static (int Count, int Size) Measure(IHeaderDictionary headers)
    {
        var (count, size) = (0, 0);
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                count++;
                size += name.Length + (value?.Length ?? 0) + 4;
            }
        }

        return (count, size);
    }
}
