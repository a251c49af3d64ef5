using System.Globalization;
using Grpc.Core;
using Grpc.Core.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Tells requests of gRPC from others.</summary>
internal static class GrpcRequest
{
    /// <summary>Answers what is no gRPC: 426 when it is not HTTP/2, 415 when the content is of another type. True when it did.</summary>
    public static bool Refuse(HttpContext context)
    {
        if (!HttpProtocol.IsHttp2(context.Request.Protocol) && !HttpProtocol.IsHttp3(context.Request.Protocol))
        {
            Refuse(context.Response, StatusCodes.Status426UpgradeRequired, $"Request protocol '{context.Request.Protocol}' is not supported.");
            context.Response.Headers.Upgrade = "HTTP/2";
            return true;
        }

        if (!WireFormat.IsContentType(context.Request.ContentType))
        {
            Refuse(context.Response, StatusCodes.Status415UnsupportedMediaType, $"Content-Type '{context.Request.ContentType}' is not supported.");
            return true;
        }

        return false;
    }

    public static void SetStatus(IHeaderDictionary headers, Status status)
    {
        headers[WireFormat.StatusHeader] = ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture);
        if (status.Detail.Length > 0)
            headers[WireFormat.MessageHeader] = WireFormat.EncodeMessage(status.Detail);
    }

    private static void Refuse(HttpResponse response, int statusCode, string detail)
    {
        response.StatusCode = statusCode;
        SetStatus(response.Headers, new Status(StatusCode.Internal, detail));
    }
}

/// <summary>Matches requests of gRPC only, so that other endpoints keep paths of the same shape.</summary>
internal sealed class GrpcRequestConstraint : IRouteConstraint
{
    public static GrpcRequestConstraint Instance { get; } = new();

    public bool Match(HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection) =>
        httpContext is not null && HttpMethods.IsPost(httpContext.Request.Method) && WireFormat.IsContentType(httpContext.Request.ContentType);
}
