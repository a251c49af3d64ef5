using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>A row of <c>policies</c> that is not deleted.</summary>
/// <param name="Document">The canonical form.</param>
/// <param name="ManagedBy">config: it comes from files; null: from people.</param>
/// <param name="Source">Where the files are, for people.</param>
internal sealed record StoredPolicy(
    OrganizationId OrgId, PolicyId PolicyId, string Name, string Document, bool Enabled, bool Observed, int Version, string? ManagedBy,
    string? Source, DateTimeOffset CreatedAt, SubjectId? CreatedBy, DateTimeOffset UpdatedAt, SubjectId? UpdatedBy)
{
    /// <summary>What keeps a policy that does not come from people.</summary>
    public const string Config = "config";

    /// <summary>With <c>policies</c> as <c>p</c>.</summary>
    public const string Columns =
        """
        p.org_id, p.policy_id, p.name, p.document, p.enabled, p.observed, p.version, p.managed_by, p.source, p.created_at, p.created_by,
        p.updated_at, p.updated_by
        """;

    /// <summary>Those that the caller may see: all, or those that apply to its environments.</summary>
    public const string Visible =
        """
        from policies p
        where p.org_id = @OrgId and p.deleted_at is null and (@SeesAll or (p.enabled and exists (
            select from policy_assignments a where a.org_id = p.org_id and a.policy_id = p.policy_id and (
                a.target_type = 'organization' or (a.target_type = 'user' and a.target_id = @Self)
                or (a.target_type = 'group' and exists (
                    select from group_members m where m.org_id = p.org_id and m.group_id = a.target_id and m.subject_id = @Self))))))
        """;

    // A name is lower-case letters, digits and hyphens: it may look like an id, which comes first.
    private const string ByIdOrName = "(p.policy_id::text = @id or p.name = @id) order by p.policy_id::text = @id desc limit 1";

    /// <summary>As it was stored, which was valid.</summary>
    public PolicyDocument Read() => Parse(Document);

    public AuditTarget Target => new($"{PolicyId}", null, "policy");

    public static PolicyDocument Parse(string document) =>
        PolicyParser.Parse(document).Document ?? throw new InvalidOperationException("A stored policy is not valid.");

    /// <param name="id">The id, or the name.</param>
    public static Task<StoredPolicy?> FindAsync(NpgsqlDataSource db, Caller caller, string id, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<StoredPolicy>(
            $"select {Columns} {Visible} and {ByIdOrName}",
            new { caller.OrgId, id, Self = caller.SubjectId, SeesAll = caller.Can(Permission.PoliciesReadAll) }, ct);

    /// <inheritdoc cref="FindAsync"/>
    public static Task<StoredPolicy?> LockAsync(Tx tx, OrganizationId organization, string id) =>
        tx.QuerySingleOrDefaultAsync<StoredPolicy>(
            $"select {Columns} from policies p where p.org_id = @organization and p.deleted_at is null and {ByIdOrName} for update",
            new { organization, id });

    /// <summary>Null where somebody may change it who comes from there.</summary>
    /// <param name="managedBy">What the change comes from: config, or null for a person.</param>
    public ProblemHttpResult? RefuseWrite(string? managedBy, bool takeOver) => ManagedBy is null || ManagedBy == managedBy || takeOver
        ? null
        : Problems.Conflict(
            "managed_externally",
            $"The policy comes from {Source ?? "files"}: change it there, or take it over with take_over=true.", ("source", Source));
}
