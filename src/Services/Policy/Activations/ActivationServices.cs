using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Policy.Activations;

/// <summary>What activation checks need.</summary>
internal static class ActivationServices
{
    public static void AddActivations(this IHostApplicationBuilder builder)
    {
        builder.AddRedis();
        builder.Services.AddSingleton(provider => new AnswerMemory(
            provider.GetRequiredService<IOptions<PolicyOptions>>().Value.AnswersInMemory, provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<InvalidationChannel>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<InvalidationChannel>());
        builder.Services.AddSingleton<SharedAnswers>();
        builder.Services.AddSingleton<ActivationAnswers>();
        builder.Services.AddPeriodicWork<FlushDenials>();
        builder.Services.AddPeriodicWork<FoldPlaces>();
        builder.Services.AddHealthChecks().AddCheck<RedisHealth>("redis", HealthStatus.Degraded, [ServiceDefaults.Health.ReadyTag]);
    }

    /// <summary>Reports that Redis is unavailable without taking the service out of use: PostgreSQL answers meanwhile.</summary>
    private sealed class RedisHealth(InvalidationChannel channel) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(channel.IsLive ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded("Redis does not answer."));
    }
}
