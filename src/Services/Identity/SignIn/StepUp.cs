using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Some changes ask whoever makes them to have given its password a moment ago: a session that somebody else got hold of, or that was left
/// open, must not appoint administrators. Tokens cannot show a password, so that these changes need a session; the bootstrap token, which
/// scripts of the first start have, is the operator's own and does without.
/// </summary>
internal static class StepUp
{
    /// <summary>How old the password may be.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);

    /// <summary>The answer to a caller that has to show its password first; null when it has.</summary>
    public static async Task<ProblemHttpResult?> RefuseAsync(
        NpgsqlDataSource db, Caller caller, DateTimeOffset now, CancellationToken ct)
    {
        var row = await db.QuerySingleOrDefaultAsync<Row>(
            "select kind, authenticated_at from tokens where id = @TokenId and subject_id = @SubjectId and revoked_at is null",
            new { TokenId = caller.TokenId?.Value, caller.SubjectId }, ct);
        return row switch
        {
            { Kind: "bootstrap" } => null,
            { Kind: "session", AuthenticatedAt: { } at } when at > now - Fresh => null,
            { Kind: "session" } => Answer(
                "Give your password again, on the page /confirm, or sign in again: it was asked for too long ago."),
            _ => Answer("This needs a session in which the password was given in the last ten minutes; a token is not enough. Sign in."),
        };
    }

    private static ProblemHttpResult Answer(string detail) =>
        Problems.Of(StatusCodes.Status403Forbidden, "step_up_required", "Your password is asked for.", detail);

    private sealed record Row(string Kind, DateTimeOffset? AuthenticatedAt);
}
