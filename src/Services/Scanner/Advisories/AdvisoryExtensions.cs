using EnvPlatform.Postgres.Background;
using EnvPlatform.Scanner.Advisories.Feeds;
using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.Scanner.Upgrades;
using EnvPlatform.ServiceDefaults;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>The advisories: the in-memory index, kept current, and the imports.</summary>
internal static class AdvisoryExtensions
{
    public static void AddAdvisories(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(services => services.GetRequiredService<IOptions<ScannerOptions>>().Value.Channels());
        builder.Services.AddSingleton<CurrentIndex>();
        builder.Services.AddSingleton<PlanUpgrades>();
        builder.Services.AddSingleton<ScannerMetrics>();
        builder.Services.AddSingleton<ChangeAdvisories>();
        builder.Services.AddListeningWork<KeepIndexCurrent>();
        builder.Services.AddListeningWork<RunImports>();
        builder.Services.AddOptions<FeedOptions>().BindConfiguration(FeedOptions.Section).ValidateDataAnnotations()
            .Validate(options => options.AreSourcesValid(),
                "Feeds:Sources: an address is no http or https URL, a format is not known, a mapping or repodata names no channel or "
                + "something else does, a platform is none of conda's or is named for something else than repodata, what is no file of NVD "
                + "is said to be complete, or an interval or first year is out of range.")
            .ValidateOnStart();
        builder.Services.AddSingleton<FeedStates>();
        builder.Services.AddSingleton<FeedClient>();
        builder.Services.AddSingleton<VerifyFeed>();
        builder.Services.AddSingleton<FetchFeed>();
        builder.Services.AddSingleton<SyncFeed>();
        builder.Services.AddHostedService<SyncFeeds>();
        builder.Services.AddHealthChecks().AddCheck<IndexHealth>("advisories", HealthStatus.Unhealthy, [Health.ReadyTag])
            .AddCheck<FeedStates>("feeds", HealthStatus.Degraded, [Health.ReadyTag]);
    }

    /// <summary>Ready when advisories are in memory: before that nothing can be scanned.</summary>
    private sealed class IndexHealth(CurrentIndex index) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(
                index.Current is null ? HealthCheckResult.Unhealthy("The advisories are not loaded yet.") : HealthCheckResult.Healthy());
    }
}
