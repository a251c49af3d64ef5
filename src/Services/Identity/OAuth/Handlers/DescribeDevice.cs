using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;

using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Notes where a device that waits for somebody is and what it calls itself, for whoever is asked to let it in, and tells it how often to
/// ask.
/// </summary>
internal sealed class DescribeDevice(OAuthTx transaction) : IOpenIddictServerHandler<ProcessSignInContext>
{
    private const int MaxLength = 253;

    public static int Order => OpenIddictServerHandlers.AttachAuthorization.Descriptor.Order + 500;

    public async ValueTask HandleAsync(ProcessSignInContext context)
    {
        if (context.EndpointType != OpenIddictServerEndpointType.DeviceAuthorization)
        {
            return;
        }

        var origin = context.Transaction.GetHttpRequest()!.HttpContext.Features.Get<RequestOrigin>() ?? RequestOrigin.Unknown;
        await (await transaction.GetAsync()).ExecuteAsync(
            """
            update oauth_grants
            set hostname = @Hostname, source_address = @SourceAddress, asked_org = @AskedOrg, poll_seconds = @Interval
            where id = @Id
            """,
            new
            {
                Id = Guid.Parse(context.Principal!.GetAuthorizationId()!),
                Hostname = Short((string?)context.Request["hostname"]),
                origin.SourceAddress,
                AskedOrg = Short((string?)context.Request["organization"]),
                ThrottlePolling.Interval,
            });
        context.Response["interval"] = ThrottlePolling.Interval;
    }

    private static string? Short(string? text) =>
        string.IsNullOrWhiteSpace(text) || PlainText.HoldsControl(text) ? null
        : text.Length <= MaxLength ? text
        // Not between the halves of a character, which the database would not take.
        : text[..(char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength)];
}
