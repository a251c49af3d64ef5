using EnvPlatform.Contracts.Identity;

using Grpc.Core;

using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EnvPlatform.Gateway.Callers;

/// <summary>Ready when Identity answers; it answers an empty token without looking anywhere.</summary>
internal sealed class IdentityHealth(Contracts.Identity.Tokens.TokensClient identity, TimeProvider clock) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await identity.IntrospectAsync(new IntrospectRequest(), deadline: clock.GetUtcNow().UtcDateTime.AddSeconds(2), cancellationToken: cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (RpcException)
        {
            return HealthCheckResult.Unhealthy("Identity does not answer.");
        }
    }
}
