using EnvPlatform.ServiceDefaults;

using Microsoft.Net.Http.Headers;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// The form of a request to the OAuth endpoints: <c>application/x-www-form-urlencoded</c> and nothing else (RFC 6749 appendix B).
/// </summary>
internal static class OAuthForm
{
    private const string MediaType = "application/x-www-form-urlencoded";

    /// <summary>Null when the body is no such form, or one that cannot be read.</summary>
    public static async Task<IFormCollection?> ReadAsync(HttpRequest http, CancellationToken ct)
    {
        if (!MediaTypeHeaderValue.TryParse(http.ContentType, out var type)
            || !type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase) || !Charset.IsKnown(type))
        {
            return null;
        }

        try
        {
            return await http.ReadFormAsync(ct);
        }
        catch (InvalidDataException)
        {
            // Too many fields, one that is too long, a NUL.
            return null;
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status400BadRequest)
        {
            // Cut off, or not packed as it says.
            return null;
        }
    }
}
