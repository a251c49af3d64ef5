using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Policy.Facts;

/// <summary>What Policy must know of packages and findings.</summary>
internal static class FactsServices
{
    public static void AddFacts(this IHostApplicationBuilder builder)
    {
        builder.AddServiceClient<Findings.FindingsClient>("scanner");
        builder.AddServiceClient<PackageSets.PackageSetsClient>("ingest");
        builder.Services.AddSingleton<FactsSource>();
        builder.Services.AddListeningWork<FetchFacts>();
        builder.Services.AddPeriodicWork<DropUnusedFacts>();
    }
}
