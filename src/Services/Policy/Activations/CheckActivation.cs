using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// A member is about to activate the environment at a prefix of a machine: is that allowed? A warning or refusal is recorded before it is
/// returned, so that the audit log has every one.
/// </summary>
internal static class CheckActivation
{
    private const int MaxPrefix = 4_096;

    public static void MapCheckActivation(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/orgs/{org}/activation", HandleAsync)
            .RequireAuthorization(Permission.EnvironmentsLog).WithName(nameof(CheckActivation)).WithTags("Activation")
            .WithSummary("Whether the environment at this prefix of this machine may be activated.")
            .Produces<ActivationAnswer>().ProducesValidationProblem();

    /// <summary>The header that says what the organization wants of an agent that gets no answer the next time: open or closed.</summary>
    public const string FailModeHeader = "EnvPlatform-Fail-Mode";

    private static async Task<IResult> HandleAsync(
        [FromQuery(Name = "machine_id")] MachineId machineId, string prefix, Caller caller, HttpResponse http,
        [FromServices] ActivationAnswers answers, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (prefix.Length is 0 or > MaxPrefix)
        {
            return Problems.Invalid("prefix", $"Must have 1 to {MaxPrefix} characters.");
        }

        if (caller.Organization!.AgentFailMode is { } mode)
        {
            http.Headers[FailModeHeader] = mode;
        }

        if (!caller.Organization.EnvironmentsEnabled)
        {
            return new Written(ActivationAnswer.Disabled);
        }

        var location = new Location(caller.OrgId, machineId, prefix);
        var answer = await answers.FindAsync(location, ct);
        if (answer.Owner is { } owner && (!caller.MaySee(owner) || !caller.IsGoodFor(machineId)))
        {
            // As for a place where nothing was logged: a machine's id and a path tell nobody of another member's environment.
            answer = ActivationAnswer.Unknown;
        }

        if (answer.Status == ActivationStatus.Block && caller.Organization.EnforcementPausedUntil is { } end && end > clock.GetUtcNow())
        {
            answer = answer.Paused(end);
        }

        if (answer.Status is ActivationStatus.Warn or ActivationStatus.Block)
        {
            await ActivationDenials.RecordAsync(db, caller, location, answer, clock);
        }

        return new Written(answer);
    }

    /// <summary>Writes the answer's cached bytes, instead of serializing it again.</summary>
    private sealed class Written(ActivationAnswer answer) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json; charset=utf-8";
            httpContext.Response.ContentLength = answer.Utf8Json.Length;
            return httpContext.Response.Body.WriteAsync(answer.Utf8Json, httpContext.RequestAborted).AsTask();
        }
    }
}
