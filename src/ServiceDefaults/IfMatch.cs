using System.Globalization;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// The version of a resource that a change is meant for: its <c>version</c>, which is its entity tag (RFC 9110 sections 8.8.3 and 13.1.1),
/// with quotes or without. Bound as a parameter.
/// </summary>
/// <param name="Header">As it was sent; null when it was not.</param>
public sealed record IfMatch(string? Header)
{
    public static ValueTask<IfMatch?> BindAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        var values = http.Request.Headers.IfMatch;
        return ValueTask.FromResult<IfMatch?>(new(values.Count == 0 ? null : values.ToString()));
    }

    /// <summary>Says in the answer which version it shows.</summary>
    public static void Tell(HttpResponse http, long version)
    {
        ArgumentNullException.ThrowIfNull(http);
        http.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");
    }

    /// <summary>
    /// Null when the change is meant for this version: otherwise 412, or 428 (RFC 6585 section 3) where the header must be there and is
    /// not. Without the header the last one wins.
    /// </summary>
    /// <param name="version">The present one, read under lock.</param>
    public ProblemHttpResult? Refuse(long version, bool required = false)
    {
        if (Header is null)
        {
            return required
                ? Problems.Of(
                    StatusCodes.Status428PreconditionRequired, "if_match_required", "Say which version this changes.",
                    "Send the version that was read as If-Match, so that a change of somebody else's in between is not lost.")
                : null;
        }

        var tags = Header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var present = version.ToString(CultureInfo.InvariantCulture);
        return tags.Any(tag => tag == "*" || tag == present || tag == $"\"{present}\"")
            ? null
            : Problems.Of(
                StatusCodes.Status412PreconditionFailed, "stale_version", "Somebody changed this meanwhile.",
                $"It has version {present} now. Read it again, and decide whether the change still fits.");
    }
}
