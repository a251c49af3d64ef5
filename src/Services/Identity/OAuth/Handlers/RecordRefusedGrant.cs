using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;

using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>Records that a code or a refresh token was refused, where nothing that knows more has.</summary>
internal sealed class RecordRefusedGrant(AuthenticationFailures failures) : IOpenIddictServerHandler<ApplyTokenResponseContext>
{
    /// <summary>Behind the engine's own, which says what clients are told.</summary>
    public static int Order => int.MinValue + 200_000;

    public async ValueTask HandleAsync(ApplyTokenResponseContext context)
    {
        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        if (context.Response?.Error == OpenIddictConstants.Errors.InvalidGrant && http.Features.Get<RecordedFailure>() is null)
        {
            var origin = http.Features.Get<RequestOrigin>() ?? RequestOrigin.Unknown;
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "invalid_grant", origin, http.RequestAborted);
        }
    }
}

/// <summary>Feature of a request whose failure was recorded with what is known of it.</summary>
internal sealed record RecordedFailure;
