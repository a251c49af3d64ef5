using System.Net;
using System.Net.Sockets;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>The status of calls that the server did not give one.</summary>
internal static class TransportStatus
{
    /// <summary>HTTP status to gRPC status (doc/http-grpc-status-mapping.md of grpc/grpc).</summary>
    public static StatusCode FromHttp(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest or HttpStatusCode.RequestHeaderFieldsTooLarge => StatusCode.Internal,
        HttpStatusCode.Unauthorized => StatusCode.Unauthenticated,
        HttpStatusCode.Forbidden => StatusCode.PermissionDenied,
        HttpStatusCode.NotFound => StatusCode.Unimplemented,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    public static Status From(string what, Exception exception)
    {
        if ((exception as RpcException ?? exception.InnerException as RpcException) is { } rpc)
            return rpc.Status;
        var code = FromException(exception);
        var detail = $"{what} {exception.GetType().Name}: {exception.Message}";
        for (var inner = exception.InnerException; inner is not null; inner = inner.InnerException)
            detail += $" {inner.GetType().Name}: {inner.Message}";
        return new Status(code, detail, exception);
    }

    private static StatusCode FromException(Exception exception)
    {
        if (exception is OperationCanceledException)
            return StatusCode.Cancelled;
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpProtocolException protocol:
                    return FromHttp2(protocol.ErrorCode);
                case SocketException or IOException:
                case HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError }:
                    return StatusCode.Unavailable;
            }
        }

        return StatusCode.Internal;
    }

    /// <summary>HTTP/2 error code to gRPC status (doc/PROTOCOL-HTTP2.md, Errors).</summary>
    private static StatusCode FromHttp2(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xb => StatusCode.ResourceExhausted,
        0xc => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };
}
