using EnvPlatform.Audit.Formats;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The catalogue of actions that the audit log knows, with how often each happened in an organization, by day.</summary>
internal static class ListActions
{
    private const int DefaultDays = 30;
    private const int MaxDays = 366;

    /// <param name="Since">The version that wrote it first; null for a key that clients know from elsewhere.</param>
    /// <param name="Count">How often it happened in the range; null where no organization is named, and without a seat.</param>
    /// <param name="Days">The days of the range (UTC) on which it happened; null as the count.</param>
    public sealed record Action(
        string ActionKey, string ActionVerb, string Category, string DisplayName, string? Since, long? Count,
        IReadOnlyList<DayCount>? Days);

    public sealed record DayCount(string Date, long Count);

    public sealed record Catalogue(IReadOnlyList<Action> Items, int TotalCount);

    public static void MapListActions(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/actions", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(ListActions))
            .WithSummary("The catalogue of audited actions, with their numbers by day.")
            .WithMetadata(
                AuditReaders.OrganizationParameter,
                new DescribedParameter("from_date", $"The first day or time that counts; {DefaultDays} days ago by default."),
                new DescribedParameter("to_date", $"The last one, inclusive; now by default. {MaxDays} days at most."));

    private static async Task<Results<Ok<Catalogue>, UnprocessableEntity<InvalidRequest>>> HandleAsync(
        HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var query = AuditQuery.OfDates(http);
        var until = query.Until ?? clock.GetUtcNow();
        var earliest = DateTimeOffset.MinValue.AddDays(DefaultDays);
        var from = query.From ?? (until > earliest ? until : earliest).AddDays(-DefaultDays);
        if (until - from > TimeSpan.FromDays(MaxDays))
        {
            query.Refuse("query", "from_date", $"There may be {MaxDays} days from it.", "value_error");
        }

        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        // The catalogue is everybody's who reads a log; the numbers are of the log.
        var isCounted = query.NamesLog && Caller.From(http) is { } caller && Product.Refuse(caller, Product.AuditApi) is null;
        var counts = !isCounted ? null : (await db.QueryAsync<Counted>(
            """
            select action_key, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as count from audit_events
            where org_id = @Log and occurred_at >= @from and occurred_at < @until group by 1, 2 order by 1, 2
            """, new { query.Log, from, until }, ct)).ToLookup(one => one.ActionKey, StringComparer.Ordinal);
        var keys = AuditActions.CategoryOf.Keys.Concat(counts?.Select(action => action.Key) ?? []).Distinct(StringComparer.Ordinal);
        var actions = keys
            .Select(key => new Action(
                key, AuditActions.VerbOf(key), AuditActions.CategoryOf.GetValueOrDefault(key, "other"), DisplayName.Of(key),
                AuditActions.SinceOf(key), counts?[key].Sum(one => one.Count),
                counts?[key].Select(one => new DayCount(one.Day, one.Count)).ToList()))
            .OrderBy(action => action.Category, StringComparer.Ordinal).ThenBy(action => action.ActionKey, StringComparer.Ordinal).ToList();
        return TypedResults.Ok(new Catalogue(actions, actions.Count));
    }

    private sealed record Counted(string ActionKey, string Day, long Count);
}
