using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>An administrator takes back what a person set: from then on policies decide on the status.</summary>
internal static class ClearStatus
{
    public static void MapClearStatus(this IEndpointRouteBuilder environments) =>
        environments.MapDelete("/{id}/status", HandleAsync).RequireAuthorization(Permission.EnvironmentsStatus)
            .WithName(nameof(ClearStatus)).WithSummary("Take back the status that a person set, so that policies decide on it.");

    private static async Task<Results<Ok<StatusView>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, [FromServices] KnownEnvironments environments, [FromServices] InvalidationChannel channel,
        NpgsqlDataSource db, TimeProvider clock, [FromServices] ILogger<SetStatus.Request> log, CancellationToken ct) =>
        await environments.FindAsync(caller.OrgId, id, ct) switch
        {
            Lookup.Missing => Problems.NotFound(),
            Lookup.Unanswered => StatusEndpoints.Unanswered(),
            _ => await SetStatus.ChangeAsync(
                db, channel, caller, id, clock.GetUtcNow(), log,
                (before, _) => before with { Status = EnvironmentStatus.Ok, Message = null, SetBy = null, SetAt = null }, ct),
        };
}
