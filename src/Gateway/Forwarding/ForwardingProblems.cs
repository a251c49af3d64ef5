using EnvPlatform.Gateway.Limits;
using EnvPlatform.Gateway.Refusals;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;

using Yarp.ReverseProxy.Forwarder;

namespace EnvPlatform.Gateway.Forwarding;

/// <summary>
/// Answers with a problem document when a request could not be forwarded: 413 for a body that is too large, 503 when the service is
/// unavailable, 504 when it is too slow.
/// </summary>
internal static class ForwardingProblems
{
    public static async Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        var limit = http.GetReverseProxyFeature().Route.Config.MaxRequestBodySize ?? ConnectionLimits.DefaultBodySize;
        if (http.Request.ContentLength > limit)
        {
            // Without a limit the server drains the rest of the body, for seconds, so that the caller gets to read the response.
            http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
            await TooLarge(http, limit).ExecuteAsync(http);
            return;
        }

        await next(http);
        if (http.Features.Get<IForwarderErrorFeature>() is not { } failure || http.Response.HasStarted
            || http.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        if (failure.Exception is { } exception && Refusal(exception) is { } refused)
        {
            await (refused.StatusCode == StatusCodes.Status413PayloadTooLarge ? TooLarge(http, limit) : Unreadable()).ExecuteAsync(http);
            return;
        }

        await Answer(http, failure.Error).ExecuteAsync(http);
    }

    private static ProblemHttpResult Answer(HttpContext http, ForwarderError error)
    {
        switch (error)
        {
            case ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled:
                return Unreadable();
            case ForwarderError.RequestTimedOut:
                return Problems.Of(
                    StatusCodes.Status504GatewayTimeout, "service_timeout", "No answer in time.", "The service did not answer in time.");
            default:
                http.Response.Headers.RetryAfter = "1";
                return Problems.Of(
                    StatusCodes.Status503ServiceUnavailable, "service_unavailable", "Not available.",
                    "The service cannot be reached at the moment. Try again shortly.");
        }
    }

    private static ProblemHttpResult TooLarge(HttpContext http, long limit)
    {
        var detail = $"The request body may have {limit} bytes at most.";
        TooLargeFiles.Record(http, detail);
        return Problems.Of(StatusCodes.Status413PayloadTooLarge, "too_large", "Too large.", detail);
    }

    private static ProblemHttpResult Unreadable() =>
        Problems.Of(StatusCodes.Status400BadRequest, "invalid_request", "The request is not valid.",
            "The request body could not be read to its end.");

    private static BadHttpRequestException? Refusal(Exception exception) =>
        exception as BadHttpRequestException
            ?? (exception is AggregateException several
                ? several.Flatten().InnerExceptions.Select(Refusal).FirstOrDefault(found => found is not null)
                : exception.InnerException is { } inner ? Refusal(inner) : null);
}
