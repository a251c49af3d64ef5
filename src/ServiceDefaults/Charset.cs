using System.Text;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace EnvPlatform.ServiceDefaults;

/// <summary>The <c>charset</c> of a body.</summary>
public static class Charset
{
    /// <summary>Whether text in the charset can be read; one that is not named can. UTF-7 can be read by nobody.</summary>
    public static bool IsKnown(MediaTypeHeaderValue type)
    {
        ArgumentNullException.ThrowIfNull(type);
        if (!type.Charset.HasValue)
        {
            return true;
        }

        try
        {
            Encoding.GetEncoding(HeaderUtilities.RemoveQuotes(type.Charset).ToString());
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>
    /// JSON in a charset that cannot be read is 415; the framework would fail on it, and on one in quotes, which is as good as without.
    /// </summary>
    internal static void UseCharsets(this WebApplication app) => app.Use((http, next) =>
    {
        if (!http.Request.HasJsonContentType() || !MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type)
            || !type.Charset.HasValue)
        {
            return next(http);
        }

        if (!IsKnown(type))
        {
            return Problems.Of(
                StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "Unsupported Media Type",
                "The charset of the body is not known: send UTF-8.").ExecuteAsync(http);
        }

        if (type.Charset[0] == '"')
        {
            type.Charset = HeaderUtilities.RemoveQuotes(type.Charset);
            http.Request.ContentType = type.ToString();
        }

        return next(http);
    });
}
