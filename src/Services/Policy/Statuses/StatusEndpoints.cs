using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Policy.Statuses;

/// <summary>The status of an environment: ok, warn or block.</summary>
internal static class StatusEndpoints
{
    public static void AddStatuses(this IHostApplicationBuilder builder) => builder.Services.AddScoped<KnownEnvironments>();

    public static void MapStatuses(this IEndpointRouteBuilder app)
    {
        var environments = app.MapGroup("/api/v1/orgs/{org}/environments").WithTags("Environments");
        environments.MapSetStatus();
        environments.MapGetStatus();
        environments.MapClearStatus();
    }

    public static ProblemHttpResult Unanswered() => Problems.Of(
        StatusCodes.Status503ServiceUnavailable, "environment_unanswered", "Try again.",
        "This environment is not known here yet, and its service does not answer.");
}
