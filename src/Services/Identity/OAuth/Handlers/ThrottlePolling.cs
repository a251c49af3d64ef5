using OpenIddict.Abstractions;
using OpenIddict.Server;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth.Handlers;

/// <summary>
/// Tells a device that asks too often whether somebody let it in to slow down (RFC 8628 section 3.5): the time between two questions grows
/// by five seconds with each. In the database, so that it holds for all instances.
/// </summary>
internal sealed class ThrottlePolling(OAuthTx transaction, TimeProvider clock) : IOpenIddictServerHandler<ValidateTokenContext>
{
    /// <summary>Seconds that a device waits at first.</summary>
    public const int Interval = 5;

    public static int Order => RefuseReuse.Order - 100;

    public async ValueTask HandleAsync(ValidateTokenContext context)
    {
        if (!Guid.TryParse(context.TokenId, out var id)
            || context.Principal?.GetTokenType() != OpenIddictConstants.TokenTypeIdentifiers.Private.DeviceCode)
        {
            return;
        }

        // A tenth of the time is for clocks and networks.
        var tooEarly = await (await transaction.GetAsync()).QuerySingleOrDefaultAsync<bool?>(
            """
            with asked as (
                select g.id, coalesce(g.polled_at > @Now - make_interval(secs => g.poll_seconds * 0.9), false) as too_early
                from oauth_tokens t
                join oauth_grants g on g.id = t.grant_id
                where t.id = @id and t.status = 'inactive'
                for update of g)
            update oauth_grants g
            set polled_at = @Now, poll_seconds = case when a.too_early then least(g.poll_seconds + 5, 300) else g.poll_seconds end
            from asked a
            where g.id = a.id
            returning a.too_early
            """, new { id, Now = clock.GetUtcNow() });
        if (tooEarly == true)
        {
            context.Reject(OpenIddictConstants.Errors.SlowDown, "Ask less often.");
        }
    }
}
