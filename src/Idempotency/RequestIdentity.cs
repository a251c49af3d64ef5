using System.Security.Cryptography;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace EnvPlatform.Idempotency;

/// <summary>What makes two requests with one <c>Idempotency-Key</c> the same.</summary>
internal static class RequestIdentity
{
    /// <summary>
    /// Who, the method, and the path as its route writes it, the organization by its slug and ids in lower case: the same for every way to
    /// write one resource.
    /// </summary>
    public static string ScopeOf(HttpContext http, Caller caller)
    {
        var path = http.GetEndpoint() is RouteEndpoint { RoutePattern: var pattern }
            ? string.Concat(pattern.PathSegments.Select(
                segment => "/" + string.Concat(segment.Parts.Select(part => TextOf(part, http, caller)))))
            : http.Request.Path.Value;
        return $"{caller.SubjectId} {http.Request.Method} {path}";
    }

    /// <summary>
    /// What a key does not come with again when it is another: query and body, and the organization where the path does not name it. Of a
    /// request with neither query nor such an organization it is the body's hash alone.
    /// </summary>
    public static byte[] Fingerprint(HttpContext http, Caller caller, byte[] bodySha256)
    {
        var organization = http.GetRouteValue(RequestedOrganization.RouteValue) is null && RequestedOrganization.NameIn(http) is not null
            ? caller.Organization?.Slug : null;
        var beside = $"{organization}{http.Request.QueryString}";
        return beside.Length == 0 ? bodySha256 : SHA256.HashData([.. SHA256.HashData(Encoding.UTF8.GetBytes(beside)), .. bodySha256]);
    }

    private static string? TextOf(RoutePatternPart part, HttpContext http, Caller caller) => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternSeparatorPart separator => separator.Content,
        RoutePatternParameterPart { Name: RequestedOrganization.RouteValue } when caller.Organization is { } organization =>
            organization.Slug,
        RoutePatternParameterPart parameter when http.GetRouteValue(parameter.Name) is string value =>
            Guid.TryParse(value, out var id) ? id.ToString() : value,
        _ => null,
    };
}
