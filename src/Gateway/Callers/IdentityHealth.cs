using Grpc.Core;
using Grpc.Health.V1;

using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EnvPlatform.Gateway.Callers;

/// <summary>Ready when an instance of Identity is.</summary>
internal sealed class IdentityHealth(Health.HealthClient identity, TimeProvider clock) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var answer = await identity.CheckAsync(
                new HealthCheckRequest(), deadline: clock.GetUtcNow().UtcDateTime.AddSeconds(2), cancellationToken: cancellationToken);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("Identity is not ready.");
        }
        catch (RpcException)
        {
            return HealthCheckResult.Unhealthy("Identity does not answer.");
        }
    }
}
