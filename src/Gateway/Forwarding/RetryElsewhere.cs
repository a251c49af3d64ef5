using System.Diagnostics.Metrics;

using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.Features;

using Yarp.ReverseProxy.Forwarder;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>
/// Forwards a request that one instance did not answer to another, where that cannot take effect twice: any request for which no connection
/// could be opened; and a request without a body that only reads, or carries an <c>Idempotency-Key</c>, also when the connection broke.
/// </summary>
internal static class RetryElsewhere
{
    private const int Tries = 3;
    private static readonly Counter<long> Retried = Telemetry.Meter.CreateCounter<long>(
        "envplatform.gateway.requests_retried", "{request}");

    public static async Task ForwardAsync(HttpContext http, RequestDelegate next)
    {
        var proxy = http.GetReverseProxyFeature();
        var untried = proxy.AvailableDestinations;
        for (var tries = 1; ; tries++)
        {
            await next(http);
            if (tries == Tries || http.Features.Get<IForwarderErrorFeature>() is not { } failure || !MayBeSentAgain(http, failure))
            {
                return;
            }

            untried = [.. untried.Where(destination => destination != proxy.ProxiedDestination)];
            if (untried.Count == 0)
            {
                return;
            }

            Retried.Add(1);
            proxy.AvailableDestinations = untried;
            proxy.ProxiedDestination = null;
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
        }
    }

    /// <summary>Whether no connection could be opened, so that the service has seen nothing and the body is unread.</summary>
    public static bool WasNeverSent(IForwarderErrorFeature failure) => failure switch
    {
        {
            Error: ForwarderError.Request,
            Exception: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError }
        } => true,
        // A timeout while opening a connection; that of the whole request has no inner exception.
        { Error: ForwarderError.RequestTimedOut, Exception.InnerException: TimeoutException } => true,
        _ => false,
    };

    private static bool MayBeSentAgain(HttpContext http, IForwarderErrorFeature failure) =>
        !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested
        && (WasNeverSent(failure) || (failure.Error == ForwarderError.Request && IsHarmless(http)));

    private static bool IsHarmless(HttpContext http) =>
        http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false
        && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)
            || http.Request.Headers.ContainsKey("Idempotency-Key"));
}
