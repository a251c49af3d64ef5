using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Retries each health check every tenth of a second until it first succeeds. The orchestrator alone retries after one, two... five
/// seconds, which delays everything that waits.
/// </summary>
internal sealed class PatientHealthChecks(TimeProvider clock) : IPostConfigureOptions<HealthCheckServiceOptions>
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public void PostConfigure(string? name, HealthCheckServiceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        foreach (var registration in options.Registrations)
        {
            var create = registration.Factory;
            var hasSucceeded = new StrongBox();
            registration.Factory = services => new PatientCheck(create(services), hasSucceeded, clock);
        }
    }

    private sealed class StrongBox
    {
        public bool Value { get; set; }
    }

    private sealed class PatientCheck(IHealthCheck check, StrongBox hasSucceeded, TimeProvider clock) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var start = clock.GetTimestamp();
            while (true)
            {
                var result = await CheckOnceAsync(context, cancellationToken);
                hasSucceeded.Value |= result.Status == HealthStatus.Healthy;
                if (hasSucceeded.Value || clock.GetElapsedTime(start) > Patience)
                {
                    return result;
                }

                await Task.Delay(Pause, clock, cancellationToken);
            }
        }

        /// <summary>As the health check service does: a check that throws is not healthy.</summary>
        private static HealthCheckResult Unhealthy(HealthCheckContext context, Exception exception) =>
            new(context.Registration.FailureStatus, exception.Message, exception);

        private async Task<HealthCheckResult> CheckOnceAsync(HealthCheckContext context, CancellationToken ct)
        {
            try
            {
                return await check.CheckHealthAsync(context, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                throw;
            }
#pragma warning disable CA1031 // The checks are third-party code and may throw anything.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return Unhealthy(context, exception);
            }
        }
    }
}
