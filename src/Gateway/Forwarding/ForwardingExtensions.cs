using System.Text;

using EnvPlatform.Gateway.Callers;
using EnvPlatform.ServiceDefaults.Addresses;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.Features;

using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>
/// Forwards to all instances of the services by the routes of <c>appsettings.json</c>. A signed assertion tells the service who is calling;
/// it replaces the token and any assertion that the caller sent.
/// </summary>
internal static class ForwardingExtensions
{
    private const string KeepAuthorization = nameof(KeepAuthorization);

    /// <summary>Metadata of the routes to pages: they read the browser's cookies themselves. No other service gets any.</summary>
    private const string KeepCookies = nameof(KeepCookies);

    public static void AddForwarding(this WebApplicationBuilder builder)
    {
        builder.AddServiceAddresses();
        builder.Services.AddSingleton<IPassiveHealthCheckPolicy, LeaveOutUnreachable>();
        builder.Services.AddReverseProxy()
            .LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"))
            .AddServiceDiscoveryDestinationResolver()
            .AddConfigFilter<ServiceHealth>()
            .AddTransforms(AssertCaller)
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = TimeSpan.FromSeconds(2);
                // As they are read: the bytes that came.
                handler.RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1;
            });
    }

    public static void MapForwarding(this WebApplication app) => app.MapReverseProxy(proxy =>
    {
        proxy.Use(ForwardingProblems.AnswerAsync);
        proxy.Use(RetryElsewhere.ForwardAsync);
        proxy.UseLoadBalancing();
        proxy.UsePassiveHealthChecks();
    });

    private static void AssertCaller(TransformBuilderContext route)
    {
        // Clusters are named after their services.
        var key = route.Services.GetRequiredService<CallKeys>().Outgoing(route.Route.ClusterId!);
        var clock = route.Services.GetRequiredService<TimeProvider>();
        var keepAuthorization = route.Route.Metadata?.ContainsKey(KeepAuthorization) == true;
        var keepCookies = route.Route.Metadata?.ContainsKey(KeepCookies) == true;
        route.UseDefaultForwarders = false;
        route.AddRequestTransform(context =>
        {
            var http = context.HttpContext;
            var headers = context.ProxyRequest.Headers;
            headers.Remove(Assertion.Header);
            if (!keepCookies)
            {
                headers.Remove("Cookie");
            }

            if (!keepAuthorization)
            {
                headers.Remove("Authorization");
            }

            var origin = http.Features.GetRequiredFeature<RequestOrigin>();
            var now = clock.GetUtcNow();
            var assertion = http.Features.Get<Bearer>()?.Assert(origin, now)
                ?? Assertion.OfNobody(origin.RequestId, origin.SourceAddress, origin.UserAgent, now);
            headers.TryAddWithoutValidation(Assertion.Header, assertion.Sign(key));
            return ValueTask.CompletedTask;
        });
    }
}
