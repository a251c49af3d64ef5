using System.Net;

using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Validation;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Where a request came from, as the gateway saw it; bound as a handler's parameter where there may be no caller (sign-in).
/// </summary>
[SkipValidation]
public sealed record RequestOrigin(string RequestId, string? SourceAddress, string? UserAgent)
{
    /// <summary>What limits count by. Not part of the assertion.</summary>
    public string SourceNetwork => Callers.SourceNetwork.Of(IPAddress.TryParse(SourceAddress, out var address) ? address : null);

    /// <summary>Of what no request brought about.</summary>
    public static RequestOrigin Unknown { get; } = new("", null, null);

    public static ValueTask<RequestOrigin?> BindAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return ValueTask.FromResult<RequestOrigin?>(http.Features.Get<RequestOrigin>() ?? Unknown);
    }
}
