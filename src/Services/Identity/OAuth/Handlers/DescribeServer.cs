using System.Collections.Immutable;

using EnvPlatform.Identity.ServiceAccounts;

using OpenIddict.Abstractions;
using OpenIddict.Server;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Says in the discovery document what the protocol engine does not know of, the exchange of tokens, and leaves out what it says of ID
/// tokens: there are none.
/// </summary>
internal sealed class DescribeServer : IOpenIddictServerHandler<OpenIddictServerEvents.ApplyConfigurationResponseContext>
{
    private static readonly string[] OfIdTokens =
    [
        OpenIddictConstants.Metadata.ClaimsSupported, OpenIddictConstants.Metadata.ClaimsParameterSupported,
        OpenIddictConstants.Metadata.IdTokenSigningAlgValuesSupported, OpenIddictConstants.Metadata.SubjectTypesSupported,
    ];

    public static int Order => int.MinValue + 1;

    public ValueTask HandleAsync(OpenIddictServerEvents.ApplyConfigurationResponseContext context)
    {
        if (context.Response is { Error: null } response)
        {
            foreach (var name in OfIdTokens)
            {
                response.RemoveParameter(name);
            }

            const string Grants = OpenIddictConstants.Metadata.GrantTypesSupported;
            var known = response.GetParameter(Grants) is { } parameter ? (ImmutableArray<string?>?)parameter : null;
            response.SetParameter(Grants, new OpenIddictParameter([.. known ?? [], TokenExchange.Grant]));
        }

        return ValueTask.CompletedTask;
    }
}
