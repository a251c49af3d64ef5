using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Validation;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Where a request came from, as the gateway saw it; bound as a handler's parameter where there may be no caller (sign-in).
/// </summary>
[SkipValidation]
public sealed record RequestOrigin(string RequestId, string? SourceAddress, string? UserAgent)
{
    /// <summary>Of what no request brought about.</summary>
    public static RequestOrigin Unknown { get; } = new("", null, null);

    public static ValueTask<RequestOrigin?> BindAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return ValueTask.FromResult<RequestOrigin?>(http.Features.Get<RequestOrigin>() ?? Unknown);
    }
}
