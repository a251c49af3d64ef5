using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// Decides anew what is marked as stale, and what the passage of time changes. One instance decides for an organization at a time; what was
/// marked stays marked until all of it is written, so that a run that dies is done again, and finds nothing to change in what it had
/// written.
/// </summary>
internal sealed partial class DecideStale(
    NpgsqlDataSource db, InvalidationChannel channel, IOptions<PolicyOptions> options, TimeProvider clock, ILogger<DecideStale> log)
    : IListeningWork
{
    private const int MostMarks = 20_000;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(20);

    public static string Channel => "stale_decisions";

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await TurnAsync(ct))
        {
        }

        var next = await db.QueryAsync<DateTimeOffset>(
            "select next_at from environment_decisions where next_at is not null order by next_at limit 1", null, ct);
        var wait = next.Count == 0 ? Poll : next[0] - clock.GetUtcNow();
        return wait > Poll ? Poll : wait < Shortest ? Shortest : wait;
    }

    /// <returns>Whether anything was decided.</returns>
    private async Task<bool> TurnAsync(CancellationToken ct)
    {
        var organizations = await db.QueryAsync<OrganizationId>(
            """
            select org_id from stale_decisions
            union
            select org_id from environment_decisions where next_at <= @Now
            """, new { Now = clock.GetUtcNow() }, ct);
        var isDone = false;
        foreach (var organization in organizations)
        {
            try
            {
                isDone |= await DecideAsync(organization, ct);
            }
            catch (Exception exception) when (!ct.IsCancellationRequested)
            {
                // What is wrong with one organization's decisions keeps no other from its own; it is tried again after the next pause.
                LogFailed(exception, organization);
            }
        }

        return isDone;
    }

    private async Task<bool> DecideAsync(OrganizationId organization, CancellationToken ct)
    {
        await using var held = await db.BeginAsync(ct);
        if (!await held.QuerySingleAsync<bool>(
            "select pg_try_advisory_xact_lock(hashtextextended('decisions:' || @organization::text, 0))", new { organization }))
        {
            return false;
        }

        var marks = await db.QueryAsync<Mark>(
            """
            select id, package_set_id, environment_id, subject_id, policy_id, caused_by::text as caused_by
            from stale_decisions where org_id = @organization order by id limit @MostMarks
            """, new { organization, MostMarks }, ct);
        // In microseconds, as it is stored.
        var exact = clock.GetUtcNow();
        var now = exact.AddTicks(-(exact.Ticks % TimeSpan.TicksPerMicrosecond));
        var due = await db.QueryAsync<Guid>(
            "select environment_id from environment_decisions where org_id = @organization and next_at <= @now limit @MostMarks",
            new { organization, now, MostMarks }, ct);
        if (marks.Count + due.Count == 0)
        {
            return false;
        }

        var policies = await FleetReader.PoliciesAsync(db, organization, ct);
        if (policies.Count == 0 && !await db.QuerySingleAsync<bool>(
            "select exists (select 1 from environment_decisions where org_id = @organization)", new { organization }, ct))
        {
            // Nobody decides here, and nobody did.
            await using var tx = await db.BeginAsync(ct);
            await tx.ExecuteAsync(
                "delete from stale_decisions where org_id = @organization and id = any(@Ids)",
                new { organization, Ids = marks.Select(mark => mark.Id).ToArray() });
            await tx.CommitAsync();
            return true;
        }

        await DecideAsync(organization, marks, due, policies, now, ct);
        return true;
    }

    private async Task DecideAsync(
        OrganizationId organization, List<Mark> marks, List<Guid> due, IReadOnlyList<FleetPolicy> policies, DateTimeOffset now,
        CancellationToken ct)
    {
        var causes = marks.Where(mark => mark.PolicyId is not null).GroupBy(mark => mark.PolicyId!.Value)
            .ToDictionary(same => same.Key, same => same.Last().CausedBy);
        var run = new DecisionRun(db, channel, organization, await BeginAsync(organization, ct), causes, now);
        var facts = await FleetReader.ReadAsync(db, organization, ScopeOf(marks, due), policies, now, ct);
        var engine = new FleetEngine(facts, now);
        var part = new List<DecisionOutcome>();
        foreach (var environment in facts.Environments)
        {
            if (DecisionOutcome.Of(engine.Decide(environment), now) is { } outcome && !outcome.IsSameAs(environment.Stored))
            {
                part.Add(outcome);
                if (part.Count == options.Value.DecisionsAtOnce)
                {
                    await run.WriteAsync(part, null, ct);
                    part.Clear();
                }
            }
        }

        await run.WriteAsync(part, [.. marks.Select(mark => mark.Id)], ct);
        await ForgetAsync(organization, due, now, ct);
        var took = (clock.GetUtcNow() - now).TotalMilliseconds;
        LogDecided(facts.Environments.Count, organization, took);
    }

    private async Task<long> BeginAsync(OrganizationId organization, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var run = await tx.QuerySingleAsync<long>(
            """
            insert into decision_runs as r (org_id, run) values (@organization, 1)
            on conflict (org_id) do update set run = r.run + 1 returning run
            """, new { organization });
        await tx.CommitAsync();
        return run;
    }

    // What was due and is not there any more is not due again.
    private async Task ForgetAsync(OrganizationId organization, List<Guid> due, DateTimeOffset now, CancellationToken ct)
    {
        if (due.Count == 0)
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            update environment_decisions set next_at = null
            where org_id = @organization and environment_id = any(@Due) and next_at <= @now
            """, new { organization, Due = due.ToArray(), now });
        await tx.CommitAsync();
    }

    private static FleetScope ScopeOf(List<Mark> marks, List<Guid> due) =>
        marks.Any(mark => mark is { PackageSetId: null, EnvironmentId: null, SubjectId: null })
            ? FleetScope.Everything
            : new(
                false, [.. marks.Select(mark => mark.EnvironmentId).OfType<Guid>().Concat(due).Distinct()],
                [.. marks.Select(mark => mark.PackageSetId).OfType<long>().Distinct()],
                [.. marks.Select(mark => mark.SubjectId).OfType<Guid>().Distinct()]);

    private sealed record Mark(long Id, long? PackageSetId, Guid? EnvironmentId, Guid? SubjectId, Guid? PolicyId, string? CausedBy);

    [LoggerMessage(
        Level = LogLevel.Debug, Message = "Decided on {Count} environments of organization {OrganizationId} in {Milliseconds:0} ms")]
    private partial void LogDecided(int count, OrganizationId organizationId, double milliseconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "The decisions of organization {OrganizationId} failed and are tried again")]
    private partial void LogFailed(Exception exception, OrganizationId organizationId);
}
