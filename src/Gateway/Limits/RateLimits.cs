using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Gateway.Callers;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Yarp.ReverseProxy.Model;

namespace EnvPlatform.Gateway.Limits;

/// <summary>
/// How many requests a minute a token may make, and an address without one. Requests are counted in the process, so that none waits for
/// Redis; <see cref="ShareRateCounts"/> synchronizes the gateways' counts several times a second.
/// </summary>
internal sealed class RateLimits(TimeProvider clock)
{
    private static readonly Counter<long> Refused = Telemetry.Meter.CreateCounter<long>(
        "envplatform.gateway.requests_limited", "{request}");
    private readonly ConcurrentDictionary<string, RateCount> _counts = new(StringComparer.Ordinal);

    public ICollection<RateCount> Counts => _counts.Values;

    public RateCount OfToken(TokenId token) => Of($"token:{token}");

    public RateCount OfAddress(IPAddress? address) => Of($"address:{SourceNetwork.Of(address)}");

    public RateCount OfFailures(IPAddress? address) => Of($"failures:{SourceNetwork.Of(address)}");

    public void ForgetIdle()
    {
        foreach (var count in _counts.Values.Where(count => count.IsIdle()))
        {
            _counts.TryRemove(count.Key, out _);
        }
    }

    /// <summary>429 with Retry-After.</summary>
    public static Task AnswerAsync(HttpContext http, TimeSpan wait, string detail)
    {
        Refused.Add(1);
        http.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return Problems.Of(StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.", detail).ExecuteAsync(http);
    }

    private RateCount Of(string key) => _counts.GetOrAdd(key, static (key, clock) => new RateCount(key, clock), clock);
}

internal static class RateLimitExtensions
{
    public static void AddRateLimits(this IHostApplicationBuilder builder)
    {
        builder.AddRedis();
        builder.Services.AddSingleton<RateLimits>();
        builder.Services.AddHostedService<ShareRateCounts>();
    }

    /// <summary>Limits what is forwarded to services; the gateway's own endpoints (health, OpenAPI) are not limited.</summary>
    public static void UseRateLimits(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<RateLimits>();
        var options = app.Services.GetRequiredService<IOptions<GatewayOptions>>().Value;
        app.Use((http, next) =>
        {
            if (http.GetEndpoint()?.Metadata.GetMetadata<RouteModel>() is null)
            {
                return next(http);
            }

            if (http.Features.Get<Bearer>() is { } bearer)
            {
                return bearer.Requests.TryTake(options.RequestsPerMinute) is { } ofToken
                    ? RateLimits.AnswerAsync(
                        http, ofToken, $"There were {options.RequestsPerMinute} requests with this token in the last minute.")
                    : next(http);
            }

            return limits.OfAddress(http.Connection.RemoteIpAddress).TryTake(options.AnonymousRequestsPerMinute) is { } ofAddress
                ? RateLimits.AnswerAsync(
                    http, ofAddress,
                    $"There were {options.AnonymousRequestsPerMinute} requests without a token from this address in the last minute.")
                : next(http);
        });
    }
}
