using System.Text;

using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Pages;

/// <summary>The answers of pages.</summary>
internal static class Page
{
    /// <param name="parameters">Of the view, by name: an anonymous object.</param>
    public static RazorComponentResult<TView> Of<TView>(object? parameters = null, int status = StatusCodes.Status200OK)
        where TView : IComponent =>
        new(parameters ?? new { }) { StatusCode = status, PreventStreamingRendering = true };

    /// <summary>Something is not as it should be, in words.</summary>
    /// <param name="back">Where to try again; a local address.</param>
    public static RazorComponentResult<ErrorView> Error(int status, string heading, string detail, string? back = null) =>
        Of<ErrorView>(new { Heading = heading, Detail = detail, Back = back ?? SignIn.ReturnAddress.Home }, status);

    /// <summary>
    /// After a form: the browser fetches the next page by GET, so that reloading it sends nothing again. A header holds no more than ASCII.
    /// </summary>
    public static RedirectHttpResult GoTo(string localAddress) => TypedResults.LocalRedirect(
        Ascii.IsValid(localAddress) ? localAddress : string.Concat(localAddress.EnumerateRunes().Select(
            rune => rune.IsAscii ? rune.ToString() : Uri.EscapeDataString(rune.ToString()))));
}
