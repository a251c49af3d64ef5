using System.Buffers;

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
    public const string RouteValue = "org";

    /// <summary>Characters of a slug or an id at most.</summary>
    public const int MaxLength = 40;

    private static readonly SearchValues<char> Allowed = SearchValues.Create(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");

    /// <summary>Null when the request names none.</summary>
    public static string? NameIn(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return http.GetRouteValue(RouteValue) as string
            ?? (http.Request.Headers.TryGetValue(Header, out var name) ? name.ToString() : null);
    }

    /// <summary>Whether there can be an organization of this name.</summary>
    public static bool IsWellFormed(string? name) =>
        name is { Length: > 0 and <= MaxLength } && !name.AsSpan().ContainsAnyExcept(Allowed);
}
