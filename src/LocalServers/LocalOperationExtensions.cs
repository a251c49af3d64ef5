using Aspire.Hosting;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.LocalServers;

/// <summary>What a platform on one machine needs and the orchestrator does not do by itself.</summary>
public static class LocalOperationExtensions
{
    /// <summary>Keeps logs in the data folder, starts again what dies, and ends only when every process has ended.</summary>
    public static StartOutcome OperateLocally(this IDistributedApplicationBuilder builder, DataFolder folder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var outcome = new StartOutcome();
        builder.Configuration["DcpPublisher:WaitForResourceCleanup"] = "true";
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IPostConfigureOptions<HealthCheckServiceOptions>, PatientHealthChecks>();
        builder.Services.AddSingleton(folder);
        builder.Services.AddSingleton(outcome);
        builder.Services.AddSingleton<LogFiles>();
        builder.Services.AddHostedService(services => services.GetRequiredService<LogFiles>());
        builder.Services.AddHostedService<KeepRunning>();
        return outcome;
    }
}
