using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth.Stores;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;

using Npgsql;

using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Verifies the secret of a client, in place of the protocol engine, whose hash is slow for the sake of secrets that people choose.
/// Failures are recorded, and are all answered alike.
/// </summary>
internal sealed class AuthenticateClient(
    ClientStore clients, OAuthTx transaction, NpgsqlDataSource db, AuthenticationFailures failures, TimeProvider clock)
    : IOpenIddictServerHandler<ProcessAuthenticationContext>
{
    public const string Refusal = "There is no such client, or the secret is not its own.";

    public static int Order => OpenIddictServerHandlers.ValidateClientId.Descriptor.Order - 500;

    public async ValueTask HandleAsync(ProcessAuthenticationContext context)
    {
        if (context.EndpointType is not (OpenIddictServerEndpointType.Token or OpenIddictServerEndpointType.DeviceAuthorization)
            || context.ClientId is not { Length: > 0 } id)
        {
            return;
        }

        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        var origin = http.Features.Get<RequestOrigin>() ?? RequestOrigin.Unknown;
        if (SubjectId.TryParse(id, out _))
        {
            var account = await new ClientCredentials(id, context.ClientSecret ?? "", Basic: false)
                .FindAsync(db, failures, origin, clock.GetUtcNow(), http.RequestAborted);
            if (account is null)
            {
                context.Reject(OpenIddictConstants.Errors.InvalidClient, Refusal);
                return;
            }

            http.Features.Set(account);
            return;
        }

        if (!await IsKnownAsync(clients, id, context.ClientSecret, transaction, failures, origin, http.RequestAborted))
        {
            context.Reject(OpenIddictConstants.Errors.InvalidClient, Refusal);
        }
    }

    /// <summary>Whether there is a client of this id, no service account, that shows what it must; failures are recorded.</summary>
    public static async Task<bool> IsKnownAsync(
        ClientStore clients, string id, string? secret, OAuthTx transaction, AuthenticationFailures failures, RequestOrigin origin,
        CancellationToken ct)
    {
        var client = await clients.FindByClientIdAsync(id, ct);
        if (client?.Shows(secret) == true)
        {
            return true;
        }

        // A request has one connection at a time: those that wait for a second one would stop each other.
        await transaction.CommitAsync();
        await failures.RecordAsync(
            client is null ? $"address {origin.SourceNetwork}" : $"client {client.Id}", null,
            client is null ? "unknown_client" : "bad_client_secret", origin, ct);
        return false;
    }
}
