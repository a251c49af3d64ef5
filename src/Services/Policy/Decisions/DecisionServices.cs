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

    public static void MapDecisions(this IEndpointRouteBuilder app)
    {
        app.MapGroup("/api/v1/orgs/{org}/environments").WithTags("Environments").MapGetReasons();
        var policies = app.MapGroup("/api/v1/orgs/{org}/policies").WithTags("Policies");
        policies.MapDryRun();
        policies.MapListHeldEnvironments();
    }
}
