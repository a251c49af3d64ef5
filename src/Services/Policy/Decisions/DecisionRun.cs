using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// Writes the decisions of one run, in parts that each commit. What a run writes after another one has begun is refused.
/// </summary>
/// <param name="causes">Who changed a policy, by policy.</param>
internal sealed class DecisionRun(
    NpgsqlDataSource db, InvalidationChannel channel, OrganizationId organization, long run,
    IReadOnlyDictionary<Guid, string?> causes, DateTimeOffset now)
{
    /// <summary>From how many environments on one event tells what a policy changed, beside those of the environments.</summary>
    public const int Many = 100;

    /// <summary>Writes decisions, what they change, and that what they are about is no longer stale if they are the last.</summary>
    public async Task WriteAsync(IReadOnlyList<DecisionOutcome> outcomes, IReadOnlyList<long>? decided, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await tx.QuerySingleAsync<long>("select run from decision_runs where org_id = @organization for update", new { organization })
            != run)
        {
            throw new DecisionRunEndedException();
        }

        var places = outcomes.Count == 0 ? [] : await StoreAsync(tx, outcomes);
        if (decided is not null)
        {
            await tx.ExecuteAsync(
                "delete from stale_decisions where org_id = @organization and id = any(@Ids)",
                new { organization, Ids = decided.ToArray() });
            await SummarizeAsync(tx);
        }

        await tx.CommitAsync();
        await channel.DropAsync(places);
    }

    private async Task<List<Location>> StoreAsync(Tx tx, IReadOnlyList<DecisionOutcome> outcomes)
    {
        var byId = outcomes.ToDictionary(outcome => outcome.Id);
        // Whoever sets a status by hand locks the row too.
        var rows = await tx.QueryAsync<Row>(
            """
            select s.environment_id, s.machine_id, s.prefix, s.set_by is not null as is_manual,
                s.version + coalesce(d.version, 0) as version, coalesce(d.status, 'ok') as status, d.message, d.policy_id, d.policy, d.rule
            from environment_status s left join environment_decisions d using (org_id, environment_id)
            where s.org_id = @organization and s.environment_id = any(@Ids) and not s.removed
            order by s.environment_id for update of s
            """, new { organization, Ids = outcomes.Select(outcome => outcome.Id.Value).ToArray() });
        var written = rows.ConvertAll(row => new Written(row, byId[row.EnvironmentId]));
        await UpsertAsync(tx, written);
        var changed = written.FindAll(one => one.IsChanged);
        if (changed.Count == 0)
        {
            return [];
        }

        await AnnounceAsync(tx, changed);
        await CountAsync(tx, changed);
        return changed.ConvertAll(one => new Location(organization, one.Row.MachineId!.Value, one.Row.Prefix!));
    }

    private Task<int> UpsertAsync(Tx tx, List<Written> written) => tx.ExecuteAsync(
        """
        insert into environment_decisions as d (org_id, environment_id, status, message, policy_id, policy, rule, deadline, next_at,
            package_set_id, set_since, clocks, holds, version, since, decided_at)
        select @organization, t.*, @now, @now
        from unnest(@Ids, @Statuses, @Messages, @PolicyIds, @Policies, @Rules, @Deadlines, @Next, @Sets, @SetsSince, @Clocks, @Holds,
            @Changed) as t
        on conflict (org_id, environment_id) do update set
            since = case when d.status = excluded.status then d.since else excluded.since end,
            status = excluded.status, message = excluded.message, policy_id = excluded.policy_id, policy = excluded.policy,
            rule = excluded.rule, deadline = excluded.deadline, next_at = excluded.next_at, package_set_id = excluded.package_set_id,
            set_since = excluded.set_since, clocks = excluded.clocks, holds = excluded.holds, version = d.version + excluded.version,
            decided_at = excluded.decided_at
        """,
        new
        {
            organization,
            now,
            Ids = Of(written, one => one.Outcome.Id.Value),
            Statuses = Of(written, one => SetStatus.NameOf(one.Outcome.Status)),
            Messages = Of(written, one => one.Outcome.Message),
            PolicyIds = Of(written, one => one.Outcome.PolicyId),
            Policies = Of(written, one => one.Outcome.Policy),
            Rules = Of(written, one => one.Outcome.Rule),
            Deadlines = Of(written, one => one.Outcome.Deadline),
            Next = Of(written, one => one.Outcome.NextAt),
            Sets = Of(written, one => one.Outcome.PackageSetId),
            SetsSince = Of(written, one => one.Outcome.SetSince),
            Clocks = Of(written, one => one.Outcome.Clocks),
            Holds = Of(written, one => one.Outcome.Holds),
            Changed = Of(written, one => one.IsChanged ? 1L : 0L),
        });

    private async Task AnnounceAsync(Tx tx, List<Written> changed)
    {
        await tx.ExecuteAsync(
            """
            insert into status_changes (org_id, changed_at, environment_id, version, status, message, former_status, former_message,
                policy_id, policy, rule, deadline, caused_by)
            select @organization, @now, t.environment_id, t.version, t.status, t.message, t.former_status, t.former_message, t.policy_id,
                t.policy, t.rule, t.deadline, t.caused_by::jsonb
            from unnest(@Ids, @Versions, @Statuses, @Messages, @FormerStatuses, @FormerMessages, @PolicyIds, @Policies, @Rules, @Deadlines,
                @Causes) as t (environment_id, version, status, message, former_status, former_message, policy_id, policy, rule, deadline,
                caused_by)
            """,
            new
            {
                organization,
                now,
                Ids = Of(changed, one => one.Outcome.Id.Value),
                Versions = Of(changed, one => one.Row.Version + 1),
                Statuses = Of(changed, one => SetStatus.NameOf(one.Outcome.Status)),
                Messages = Of(changed, one => one.Outcome.Message),
                FormerStatuses = Of(changed, one => SetStatus.NameOf(one.Row.Status)),
                FormerMessages = Of(changed, one => one.Row.Message),
                PolicyIds = Of(changed, one => one.PolicyId),
                Policies = Of(changed, one => one.Policy),
                Rules = Of(changed, one => one.Outcome.Rule ?? one.Row.Rule),
                Deadlines = Of(changed, one => one.Outcome.Deadline),
                Causes = Of(changed, one => one.PolicyId is { } policy ? causes.GetValueOrDefault(policy) : null),
            });
        await tx.ExecuteAsync("notify status_changes");
    }

    private Task<int> CountAsync(Tx tx, List<Written> changed)
    {
        var policies = changed.Where(one => one.PolicyId is not null && one.Outcome.Status != one.Row.Status)
            .GroupBy(one => (Id: one.PolicyId!.Value, Name: one.Policy!)).OrderBy(same => same.Key.Id).ToArray();
        return tx.ExecuteAsync(
            """
            insert into policy_changes as c (org_id, policy_id, policy, to_ok, to_warn, to_block, caused_by)
            select @organization, t.policy_id, t.policy, t.to_ok, t.to_warn, t.to_block, t.caused_by::jsonb
            from unnest(@Ids, @Names, @Ok, @Warn, @Block, @Causes) as t (policy_id, policy, to_ok, to_warn, to_block, caused_by)
            on conflict (org_id, policy_id) do update set policy = excluded.policy, to_ok = c.to_ok + excluded.to_ok,
                to_warn = c.to_warn + excluded.to_warn, to_block = c.to_block + excluded.to_block,
                caused_by = coalesce(excluded.caused_by, c.caused_by)
            """,
            new
            {
                organization,
                Ids = policies.Select(same => same.Key.Id).ToArray(),
                Names = policies.Select(same => same.Key.Name).ToArray(),
                Ok = Counts(EnvironmentStatus.Ok),
                Warn = Counts(EnvironmentStatus.Warn),
                Block = Counts(EnvironmentStatus.Block),
                Causes = policies.Select(same => causes.GetValueOrDefault(same.Key.Id)).ToArray(),
            });

        int[] Counts(EnvironmentStatus status) => [.. policies.Select(same => same.Count(one => one.Outcome.Status == status))];
    }

    // At the end of the run, also where an earlier run began it and died.
    private async Task SummarizeAsync(Tx tx)
    {
        var policies = await tx.QueryAsync<Summary>(
            """
            delete from policy_changes where org_id = @organization
            returning policy_id, policy, to_ok, to_warn, to_block, caused_by::text as caused_by
            """, new { organization });
        foreach (var policy in policies.Where(policy => policy.Total >= Many).OrderBy(policy => policy.Policy, StringComparer.Ordinal))
        {
            tx.Audit(
                Caller.OfSystem("policy", organization), now, "policy_statuses_changed",
                new AuditTarget(policy.PolicyId.ToString(), null, "policy"),
                $"Policy {policy.Policy} changed the statuses of {policy.Total} environments.",
                new
                {
                    policy.Policy,
                    Environments = policy.Total,
                    policy.ToOk,
                    policy.ToWarn,
                    policy.ToBlock,
                    Query = $"policies/{policy.PolicyId}/environments",
                    CausedBy = policy.CausedBy is { } cause ? JsonSerializer.Deserialize<JsonElement>(cause) : (JsonElement?)null,
                });
        }
    }

    private static T[] Of<T>(List<Written> written, Func<Written, T> value) => [.. written.Select(value)];

    private sealed record Row(
        EnvironmentId EnvironmentId, MachineId? MachineId, string? Prefix, bool IsManual, long Version, EnvironmentStatus Status,
        string? Message, Guid? PolicyId, string? Policy, string? Rule);

    private sealed record Written(Row Row, DecisionOutcome Outcome)
    {
        /// <summary>Whether others see it: not where a person set the status.</summary>
        public bool IsChanged { get; } = !Row.IsManual && (Row.Status != Outcome.Status || Row.Message != Outcome.Message);

        /// <summary>The policy that decides now, or that did before where none does.</summary>
        public Guid? PolicyId => Outcome.PolicyId ?? Row.PolicyId;

        public string? Policy => Outcome.PolicyId is null ? Row.Policy : Outcome.Policy;
    }

    private sealed record Summary(Guid PolicyId, string Policy, int ToOk, int ToWarn, int ToBlock, string? CausedBy)
    {
        public int Total => ToOk + ToWarn + ToBlock;
    }
}

/// <summary>Another run has begun: this one writes no more.</summary>
internal sealed class DecisionRunEndedException() : Exception("Another run decides for the organization by now.");
