using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>
/// What a change of a policy would do to the fleet, before it is made: one that would block more than a tenth of it is made only if whoever
/// asks for it knows the number.
/// </summary>
internal sealed record BlockGuard(FleetPreview? Preview)
{
    private const int Share = 10;

    /// <summary>For the audit log; null where the policy would decide nothing.</summary>
    public object? Counts => Preview is null
        ? null : new { Preview.Environments, Preview.Warn, Preview.Block, Preview.InGrace, Preview.Unknown, Preview.Changes };

    /// <param name="document">As it would be.</param>
    /// <param name="targets">As they would be.</param>
    public static async Task<BlockGuard> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, PolicyId id, PolicyDocument document, IReadOnlyList<PolicyTarget> targets,
        DateTimeOffset now, CancellationToken ct) => new(
        document.IsEnabled && targets.Count > 0
            ? await FleetPreview.OfAsync(db, organization, [new(id.Value, document, targets)], now, ct) : null);

    /// <summary>The targets of a stored policy.</summary>
    public static async Task<List<PolicyTarget>> TargetsAsync(NpgsqlDataSource db, StoredPolicy policy, CancellationToken ct) =>
        await db.QueryAsync<PolicyTarget>(
            "select target_type as type, target_id as id from policy_assignments where org_id = @OrgId and policy_id = @PolicyId",
            new { policy.OrgId, policy.PolicyId }, ct);

    /// <param name="expected">How many environments whoever asks for the change expects it to block.</param>
    public ProblemHttpResult? Refuse(PolicyDocument document, int? expected) =>
        Preview is null || document.IsObserved || Preview.Block * Share <= Preview.Fleet || Preview.Block <= expected
            || Preview.Changes.OkToBlock + Preview.Changes.WarnToBlock == 0
            ? null
            : Problems.Conflict(
                "would_block_many",
                $"The policy would block {Preview.Block} of {Preview.Fleet} environments: say expected_blocked={Preview.Block} to do so.",
                ("block", Preview.Block), ("environments", Preview.Fleet), ("warn", Preview.Warn));
}
