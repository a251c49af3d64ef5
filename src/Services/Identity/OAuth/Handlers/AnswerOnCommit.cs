using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Commits what a request did before its answer is written, and leaves out of errors the address at which the protocol engine explains
/// itself.
/// </summary>
internal sealed class AnswerOnCommit<TContext>(OAuthTx transaction) : IOpenIddictServerHandler<TContext> where TContext : BaseRequestContext
{
    public static int Order => int.MinValue + 1;

    public async ValueTask HandleAsync(TContext context)
    {
        if (context.Transaction.Response is { } response)
        {
            response.ErrorUri = null;
        }

        await transaction.CommitAsync();
    }
}
