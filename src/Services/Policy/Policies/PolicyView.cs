using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>A policy of an organization.</summary>
/// <param name="Mode">enforce or observe.</param>
/// <param name="Version">1, and one more with each change.</param>
/// <param name="ManagedBy">config: it comes from files; null: from people.</param>
/// <param name="Source">Where the files are.</param>
/// <param name="Sentence">What holds for all rules.</param>
/// <param name="Rules">What each rule does to which environments, in a sentence.</param>
/// <param name="Document">The canonical form.</param>
/// <param name="Yaml">The same as YAML.</param>
/// <param name="Counts">The environments whose status it decides; null in lists, and for who may not see all.</param>
/// <param name="UpdatedBy">Null: the platform, as a starting point.</param>
public sealed record PolicyView(
    PolicyId Id, string Name, string? Description, bool Enabled, string Mode, int Version, string? ManagedBy, string? Source,
    string Sentence, IReadOnlyList<PolicyView.RuleSentence> Rules, JsonElement Document, string Yaml,
    IReadOnlyList<PolicyAssignment> Assignments, PolicyView.StatusCounts? Counts, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    SubjectId? UpdatedBy)
{
    /// <param name="Name">The rule's.</param>
    public sealed record RuleSentence(string Name, string Sentence);

    /// <param name="Block">Environments that it blocks.</param>
    /// <param name="Warn">Environments that it warns about.</param>
    /// <param name="InGrace">Of those, how many it blocks later.</param>
    /// <param name="AsOf">When they were counted.</param>
    public sealed record StatusCounts(long Warn, long Block, long InGrace, DateTimeOffset AsOf);

    internal static PolicyView Of(StoredPolicy policy, IReadOnlyList<PolicyAssignment> assignments, StatusCounts? counts)
    {
        var document = policy.Read();
        return new(
            policy.PolicyId, policy.Name, document.Description, policy.Enabled, policy.Observed ? "observe" : "enforce", policy.Version,
            policy.ManagedBy, policy.Source, Sentences.Of(document),
            [.. document.Rules.Select(rule => new RuleSentence(rule.Name, Sentences.Of(rule)))], PolicyText.ToJson(document),
            CanonicalForm.ToYaml(document), assignments, counts, policy.CreatedAt, policy.UpdatedAt, policy.UpdatedBy);
    }

    internal static Task<StatusCounts> CountAsync(
        NpgsqlDataSource db, StoredPolicy policy, DateTimeOffset now, CancellationToken ct) => db.QuerySingleAsync<StatusCounts>(
        """
        select count(*) filter (where status = 'warn') as warn, count(*) filter (where status = 'block') as block,
            count(*) filter (where status = 'warn' and deadline is not null) as in_grace, @now::timestamptz as as_of
        from environment_decisions where org_id = @OrgId and policy_id = @PolicyId
        """, new { policy.OrgId, policy.PolicyId, now }, ct);
}

/// <summary>To whose environments a policy applies.</summary>
/// <param name="TargetType">organization, group or user.</param>
/// <param name="TargetName">Null where it is not known any more.</param>
public sealed record PolicyAssignment(string TargetType, Guid TargetId, string? TargetName, DateTimeOffset AssignedAt)
{
    internal const string Columns =
        """
        a.policy_id, a.target_type, a.target_id, a.assigned_at,
        case a.target_type when 'organization' then @OrgName
            when 'group' then (select g.name from groups g where g.org_id = a.org_id and g.group_id = a.target_id and not g.deleted)
            else (select coalesce(s.email, s.display_name) from subjects s
                where s.org_id = a.org_id and s.subject_id = a.target_id and not s.deleted) end as target_name
        """;

    internal static async Task<ILookup<PolicyId, PolicyAssignment>> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, string name, IReadOnlyCollection<PolicyId> policies, CancellationToken ct) =>
        (await db.QueryAsync<Row>(
            $"""
            select {Columns} from policy_assignments a where a.org_id = @organization and a.policy_id = any(@Ids)
            order by array_position(array['organization', 'group', 'user'], a.target_type), target_name, a.target_id
            """, new { organization, OrgName = name, Ids = policies.Select(id => id.Value).ToArray() }, ct))
            .ToLookup(row => row.PolicyId, row => new PolicyAssignment(row.TargetType, row.TargetId, row.TargetName, row.AssignedAt));

    internal sealed record Row(PolicyId PolicyId, string TargetType, Guid TargetId, DateTimeOffset AssignedAt, string? TargetName);
}
