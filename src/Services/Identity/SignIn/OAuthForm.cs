using EnvPlatform.ServiceDefaults;

using Microsoft.Net.Http.Headers;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// The form of a request to the OAuth endpoints: <c>application/x-www-form-urlencoded</c> and nothing else (RFC 6749 appendix B). The forms
/// of pages are of the same kind.
/// </summary>
internal static class OAuthForm
{
    private const string MediaType = "application/x-www-form-urlencoded";

    /// <summary>
    /// Null when the body is no such form, one that cannot be read, or one with a control character, which no parameter may have (RFC 6749
    /// appendix A).
    /// </summary>
    public static async Task<IFormCollection?> ReadAsync(HttpRequest http, CancellationToken ct)
    {
        if (!MediaTypeHeaderValue.TryParse(http.ContentType, out var type)
            || !type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase) || !Charset.IsKnown(type))
        {
            return null;
        }

        try
        {
            var form = await http.ReadFormAsync(ct);
            return form.Any(field => PlainText.HoldsControl(field.Key) || field.Value.Any(value => PlainText.HoldsControl(value)))
                ? null
                : form;
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
