using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What is decided on an environment at this moment, and why: for its owner and for who may see all.</summary>
internal static class GetReasons
{
    public static void MapGetReasons(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}/decision", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithName(nameof(GetReasons))
            .WithSummary("What policies decide on an environment, and why: rules, findings, what fixes them, deadlines, exceptions.");

    private static async Task<Results<Ok<DecisionView>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, [FromServices] KnownEnvironments environments, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        switch (await environments.FindAsync(caller.OrgId, id, ct))
        {
            case Lookup.Unanswered:
                return StatusEndpoints.Unanswered();
            case Lookup.Found { Row: var row } when caller.OnlyOwner is null || row.Owner == caller.SubjectId:
                var now = clock.GetUtcNow();
                return await Explanation.OfAsync(db, caller.OrgId, id, now, ct) is { } explanation
                    ? TypedResults.Ok(ViewOf(explanation, row, now)) : Problems.NotFound();
            default:
                return Problems.NotFound();
        }
    }

    private static DecisionView ViewOf(Explanation explanation, StatusRow row, DateTimeOffset now)
    {
        var (decision, environment) = (explanation.Decision, explanation.Environment);
        return new(
            decision.Status, decision.IsManual ? new(row.Status, row.Message, row.SetBy ?? default, row.SetAt) : null,
            [.. decision.Reasons.Select(Of)], [.. decision.Observed.Select(Of)], [.. decision.Excepted.Select(Of)], decision.NotChecked,
            decision.NextAt, now, environment.Set?.FactsAt, environment.IsBehind);

        ReasonView Of(Reason reason) => new(
            reason.Rule.Policy, explanation.Policies[reason.Rule.Policy], reason.Rule.Rule, reason.Status, reason.Message, reason.Deadline,
            reason.Matches.Min(match => match.Since), reason.Unknown,
            [
                .. reason.Matches.Where(match => match.Package is not null).Select(match => new FindingView(
                    match.Vulnerability, match.Package, match.Version, match.Fix, match.Since, match.Deadline, match.Status)),
            ],
            reason.Exception is { } exception
                ? new(exception.Id, exception.Vulnerability, exception.Package?.Text, exception.Policy, exception.ExpiresAt) : null);
    }
}
