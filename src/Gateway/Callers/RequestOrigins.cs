using System.Buffers;
using System.Text;
using System.Text.Unicode;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Records where a request comes from, and gives it an id: the caller's own <c>X-Request-Id</c> when it is short and plain, otherwise a new
/// one. The response carries it.
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
        var agent = TextOf(http.Request.Headers.UserAgent.ToString());
        var address = http.Connection.RemoteIpAddress;
        http.Features.Set(new RequestOrigin(
            id, (address?.IsIPv4MappedToIPv6 == true ? address.MapToIPv4() : address)?.ToString(),
            agent.Length == 0 ? null : Cut(agent)));
        http.Response.Headers[Header] = id;
        return next(http);
    });

    /// <summary>
    /// Headers are read a character for each byte; the text is that of UTF-8 where the bytes are UTF-8, otherwise of Latin-1.
    /// </summary>
    private static string TextOf(string header)
    {
        if (Ascii.IsValid(header))
        {
            return header;
        }

        var bytes = Encoding.Latin1.GetBytes(header);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : header;
    }

    /// <summary>Not between the halves of a character.</summary>
    private static string Cut(string agent) =>
        agent.Length <= MaxUserAgentLength ? agent
        : agent[..(char.IsHighSurrogate(agent[MaxUserAgentLength - 1]) ? MaxUserAgentLength - 1 : MaxUserAgentLength)];
}
