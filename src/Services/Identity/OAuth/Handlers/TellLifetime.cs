using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>Tells clients the lifetime of a token as it was given, and not what is left of it when the answer is written.</summary>
internal sealed class TellLifetime : IOpenIddictServerHandler<ProcessSignInContext>
{
    public static int Order => OpenIddictServerHandlers.AttachSignInParameters.Descriptor.Order + 500;

    public ValueTask HandleAsync(ProcessSignInContext context)
    {
        if (context.Response.ExpiresIn is not null && context.AccessTokenPrincipal is { } principal
            && principal.GetExpirationDate() - principal.GetCreationDate() is { } lifetime)
        {
            context.Response.ExpiresIn = (long)Math.Round(lifetime.TotalSeconds);
        }

        return ValueTask.CompletedTask;
    }
}
