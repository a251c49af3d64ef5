using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What decides by policies.</summary>
internal static class DecisionServices
{
    public static void AddDecisions(this IHostApplicationBuilder builder)
    {
        builder.Services.AddListeningWork<DecideStale>();
        builder.Services.AddListeningWork<AnnounceStatuses>();
    }
}
