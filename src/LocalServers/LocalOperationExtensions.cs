using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace EnvPlatform.LocalServers;

/// <summary>What a platform on one machine needs and the orchestrator does not do by itself.</summary>
public static class LocalOperationExtensions
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(20);

    /// <summary>Writes logs to the data folder, restarts processes that die, and ends only when every process has ended.</summary>
    public static StartOutcome OperateLocally(this IDistributedApplicationBuilder builder, DataFolder folder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var outcome = new StartOutcome();
        builder.Configuration["DcpPublisher:WaitForResourceCleanup"] = "true";
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IPostConfigureOptions<HealthCheckServiceOptions>, PatientHealthChecks>();
        builder.Services.AddSingleton(folder);
        builder.Services.AddSingleton(outcome);
        builder.Services.AddSingleton<StartedProcesses>();
        builder.Services.AddSingleton<LogFiles>();
        builder.Services.AddSingleton<KeepRunning>();
        builder.Services.AddHostedService<StopInOrder>();

        // Not as hosted services: those start only after every resource, and a failed start must be seen earlier.
        builder.Eventing.Subscribe<BeforeStartEvent>(async (started, ct) =>
        {
            started.Services.GetRequiredService<StartedProcesses>().Mark();
            await started.Services.GetRequiredService<LogFiles>().StartAsync(ct);
            await started.Services.GetRequiredService<KeepRunning>().StartAsync(ct);
        });
        return outcome;
    }

    /// <summary>
    /// Runs until the process is told to stop, or a start fails; returns when every process that it started has ended.
    /// </summary>
    public static async Task RunLocallyAsync(this DistributedApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var processes = app.Services.GetRequiredService<StartedProcesses>();
        await using (app)
        {
            try
            {
                await app.StartAsync();
                await HostingAbstractionsHostExtensions.WaitForShutdownAsync(app);
            }
            catch (OperationCanceledException)
            {
                // It was told to stop while starting: what has started by then is stopped here.
                await app.StopAsync();
            }
        }

        await processes.EndAsync(EndPatience);
    }
}
