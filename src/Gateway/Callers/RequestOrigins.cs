using System.Buffers;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Notes where a request comes from, and gives it an id: the caller's own <c>X-Request-Id</c> when it is short and plain, otherwise a new
/// one. The answer carries it.
/// </summary>
internal static class RequestOrigins
{
    public const string Header = "X-Request-Id";
    private const int MaxIdLength = 64;
    private const int MaxUserAgentLength = 256;
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    public static void UseRequestOrigin(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        var given = http.Request.Headers[Header].ToString();
        var id = given.Length is > 0 and <= MaxIdLength
            && !given.AsSpan().ContainsAnyExcept(Plain) ? given : Guid.CreateVersion7().ToString("N");
        var agent = http.Request.Headers.UserAgent.ToString();
        var address = http.Connection.RemoteIpAddress;
        http.Features.Set(new RequestOrigin(
            id, (address?.IsIPv4MappedToIPv6 == true ? address.MapToIPv4() : address)?.ToString(),
            agent.Length == 0 ? null : agent.Length <= MaxUserAgentLength ? agent : agent[..MaxUserAgentLength]));
        http.Response.Headers[Header] = id;
        return next(http);
    });
}
