using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>The receivers of a log, how they stand, and what they refused.</summary>
internal static class ReadSinks
{
    /// <summary>An event that the receiver refused again and again.</summary>
    /// <param name="IsSentAgain">Whether it waits to be sent once more.</param>
    public sealed record DeadLetter(long Seq, string Error, DateTimeOffset GivenUpAt, bool IsSentAgain);

    internal static void MapReadSinks(this IEndpointRouteBuilder sinks)
    {
        sinks.MapGet("", ListAsync).RequireAuthorization(Permission.AuditRead).WithName("ListAuditSinks")
            .WithSummary("The receivers of the organization's audit log, with their state, lag and last error.");
        sinks.MapGet("/{id}", GetAsync).RequireAuthorization(Permission.AuditRead).WithName("GetAuditSink")
            .WithSummary("A receiver of the audit log, with its state, lag and last error.")
            .ProducesProblem(StatusCodes.Status404NotFound);
        sinks.MapGet("/{id}/dead-letters", ListLettersAsync).RequireAuthorization(Permission.AuditRead).WithName("ListAuditDeadLetters")
            .WithSummary("The events that a receiver refused again and again, and that were passed over.")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    internal static async Task<Results<Ok<SinkView>, ProblemHttpResult>> ShowAsync(
        NpgsqlDataSource db, Caller caller, SinkId id, HttpResponse http, CancellationToken ct, string? secret = null)
    {
        if (await SinkView.FindAsync(db, caller.OrgId, id, ct) is not { } view)
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, view.Version);
        return TypedResults.Ok(view with { Secret = secret });
    }

    private static async Task<Ok<Page<SinkView>>> ListAsync(Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var sinks = await SinkView.ListAsync(db, caller.OrgId, ct);
        return TypedResults.Ok(new Page<SinkView>(sinks, sinks.Count, null));
    }

    private static Task<Results<Ok<SinkView>, ProblemHttpResult>> GetAsync(
        SinkId id, Caller caller, HttpResponse http, NpgsqlDataSource db, CancellationToken ct) => ShowAsync(db, caller, id, http, ct);

    private static async Task<Results<Ok<Page<DeadLetter>>, ProblemHttpResult>> ListLettersAsync(
        SinkId id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(new Dictionary<string, string>(StringComparer.Ordinal) { ["seq"] = "seq" }, "seq");
        if (await SinkView.FindAsync(db, caller.OrgId, id, ct) is not { } sink)
        {
            return Problems.NotFound();
        }

        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var letters = await db.QueryAsync<DeadLetter>(
            $"""
            select seq, error, given_up_at, again as is_sent_again from audit_dead_letters
            where org_id = @OrgId and sink_id = @id {(page.After is null ? "" : $"and seq {beyond} @After")}
            order by seq {direction} limit @Take
            """,
            new { caller.OrgId, id, After = page.After is null ? (long?)null : long.Parse(page.After[0]!, null), Take = page.Limit + 1 },
            ct);
        return TypedResults.Ok(new Page<DeadLetter>(
            [.. letters.Take(page.Limit)], sink.DeadLetters,
            letters.Count > page.Limit
                ? page.Next(letters[page.Limit - 1].Seq.ToString(System.Globalization.CultureInfo.InvariantCulture)) : null));
    }
}
