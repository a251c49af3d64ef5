using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace EnvPlatform.Policy.Statuses;

/// <summary>The status of an environment, for its owner and for who may see all.</summary>
internal static class GetStatus
{
    public static void MapGetStatus(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}/status", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithName(nameof(GetStatus))
            .WithSummary("The status of an environment, with its message and who set it.");

    private static async Task<Results<Ok<StatusView>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, [FromServices] KnownEnvironments environments, CancellationToken ct) =>
        await environments.FindAsync(caller.OrgId, id, ct) switch
        {
            Lookup.Found { Row: var row } when caller.OnlyOwner is null || row.Owner == caller.SubjectId => TypedResults.Ok(row.ToView()),
            Lookup.Unanswered => StatusEndpoints.Unanswered(),
            _ => Problems.NotFound(),
        };
}
