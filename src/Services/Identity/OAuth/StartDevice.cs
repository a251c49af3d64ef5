using System.Text.Json.Serialization;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.OAuth;

/// <summary>
/// A program that can open no browser asks for a code that somebody types in on another device (RFC 8628): <c>POST /oauth/device</c>.
/// </summary>
internal static class StartDevice
{
    /// <param name="DeviceCode">For the program alone, which asks with it at the token endpoint.</param>
    /// <param name="UserCode">For the person.</param>
    /// <param name="ExpiresIn">Seconds.</param>
    /// <param name="Interval">Seconds between two questions.</param>
    public sealed record Response(
        string DeviceCode, string UserCode, string VerificationUri,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? VerificationUriComplete, long ExpiresIn,
        int Interval);

    internal static void MapStartDevice(this IEndpointRouteBuilder oauth) =>
        oauth.MapPost("/device", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(StartDevice))
            .WithSummary("Ask for a code that somebody types in on another device (RFC 8628).")
            .WithMetadata(
                new DescribedParameter("client_id", "envplatform-cli, or another client that may.", In: "form", Required: true),
                new DescribedParameter("client_secret", "Of a client that has one.", In: "form"),
                new DescribedParameter("scope", "Permissions, and offline_access to stay signed in, parted by spaces.", In: "form"),
                new DescribedParameter("hostname", "Shown to the person who is asked.", In: "form"),
                new DescribedParameter("organization", "The slug of the organization that is offered first.", In: "form"))
            .Produces<Response>()
            .Produces<IssueAccessToken.OAuthError>(StatusCodes.Status400BadRequest)
            .Produces<IssueAccessToken.OAuthError>(StatusCodes.Status401Unauthorized)
            .Produces<IssueAccessToken.OAuthError>(StatusCodes.Status429TooManyRequests);

    private static async Task<IResult> HandleAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        if (await OAuthForm.ReadAsync(http.Request, ct) is null)
        {
            return IssueAccessToken.OAuthError.Answer(
                http.Response, StatusCodes.Status400BadRequest, "invalid_request",
                "The body must be application/x-www-form-urlencoded, in a charset that is known.");
        }

        if (await SignInTries.OfDevices(origin.SourceNetwork, options.Value).TakeAsync(db, clock.GetUtcNow(), ct) is { } wait)
        {
            http.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
            return IssueAccessToken.OAuthError.Answer(
                http.Response, StatusCodes.Status429TooManyRequests, "temporarily_unavailable",
                "Too many codes were asked for from there.");
        }

        return await OAuthServer.HandleAsync(http)
            ? Results.Empty
            : throw new InvalidOperationException("The protocol engine did not answer a device.");
    }
}
