using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>
/// What grants, refuses, withdraws and revokes have in common: of several at once one changes the exception, and the others are told.
/// </summary>
internal static partial class ChangeException
{
    /// <param name="from">The state that it must be in.</param>
    /// <param name="refuse">Why it cannot be changed so; null where it can.</param>
    /// <param name="change">Its state afterwards, and what goes with that.</param>
    public static async Task<Results<Ok<ExceptionView>, ProblemHttpResult>> ApplyAsync(
        NpgsqlDataSource db, Caller caller, ExceptionId id, DateTimeOffset now, string from, ILogger log,
        Func<ExceptionRow, ProblemHttpResult?> refuse, Func<ExceptionRow, ExceptionRow> change, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var before = await tx.QuerySingleOrDefaultAsync<ExceptionRow>(
            $"""
            {ExceptionRow.Select}
            where x.org_id = @OrgId and x.exception_id = @id and {ExceptionRow.IsVisible} for update of x
            """, new { caller.OrgId, id, Only = ExceptionRow.OnlyOf(caller) });
        if (before is null)
        {
            return Problems.NotFound();
        }

        if (refuse(before) is { } refusal)
        {
            return refusal;
        }

        if (before.State != from)
        {
            return Problems.Conflict(
                "exception_state", $"The exception is {before.State}; this asks for one that is {from}.", ("state", before.State));
        }

        var after = change(before) with { Version = before.Version + 1 };
        await after.UpdateAsync(tx, caller.OrgId);
        if (ExceptionRow.Granted == before.State || ExceptionRow.Granted == after.State)
        {
            await after.MarkAsync(tx, caller.OrgId);
        }

        after.Audit(tx, caller, now, before);
        await tx.CommitAsync();
        LogChanged(log, id, after.State);
        return TypedResults.Ok(after.ToView());
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Exception {ExceptionId} is now {State}")]
    private static partial void LogChanged(ILogger logger, ExceptionId exceptionId, string state);
}
