using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The organization that a request names: by the route value <c>org</c>, or else by the header <c>X-Org-Name</c>. Either is a slug or an
/// id.
/// </summary>
public static class RequestedOrganization
{
    public const string Header = "X-Org-Name";
    private const string RouteValue = "org";

    /// <summary>Null when the request names none.</summary>
    public static string? NameIn(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return http.GetRouteValue(RouteValue) as string
            ?? (http.Request.Headers.TryGetValue(Header, out var name) ? name.ToString() : null);
    }
}
