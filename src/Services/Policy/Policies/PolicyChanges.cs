using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Policy.Policies;

/// <summary>Writes changes of policies, each with its version, its event, and that decisions are stale.</summary>
internal static class PolicyChanges
{
    /// <summary>What the audit log shows of a policy.</summary>
    public sealed record Shown(string Name, bool Enabled, string Mode, JsonElement Document, string? ManagedBy, string? Source);

    public static Shown ShownOf(PolicyDocument document, string? managedBy, string? source) => new(
        document.Name, document.IsEnabled, document.IsObserved ? "observe" : "enforce", PolicyText.ToJson(document), managedBy, source);

    /// <summary>Whoever adds a policy or changes a name waits for the others of the organization.</summary>
    public static Task<int> LockAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        "select pg_advisory_xact_lock(hashtextextended('policies:' || @organization::text, 0))", new { organization });

    /// <returns>False where the name is taken.</returns>
    public static async Task<bool> AddAsync(
        Tx tx, Caller caller, PolicyId id, PolicyDocument document, string? managedBy, string? source, DateTimeOffset now)
    {
        var by = caller.SubjectType == "system" ? null : (Guid?)caller.SubjectId.Value;
        var added = await tx.ExecuteAsync(
            """
            insert into policies (org_id, policy_id, name, document, enabled, observed, version, managed_by, source, created_at, created_by,
                updated_at, updated_by)
            values (@OrgId, @id, @Name, @Text, @IsEnabled, @IsObserved, 1, @managedBy, @source, @now, @by, @now, @by)
            on conflict do nothing
            """,
            new
            {
                caller.OrgId,
                id,
                document.Name,
                Text = CanonicalForm.ToJson(document),
                document.IsEnabled,
                document.IsObserved,
                managedBy,
                source,
                now,
                by,
            });
        if (added == 0)
        {
            return false;
        }

        await KeepVersionAsync(tx, caller, id, 1, document, null, now);
        return true;
    }

    /// <summary>Under lock of the policy.</summary>
    /// <returns>What differs; null where nothing does; an error where the name is taken.</returns>
    public static async Task<(Changes? Changes, bool IsNameTaken)> ChangeAsync(
        Tx tx, Caller caller, StoredPolicy policy, PolicyDocument document, string? managedBy, string? source, int? restoredFrom,
        DateTimeOffset now)
    {
        var before = policy.Read();
        var changes = Changes.Between(ShownOf(before, policy.ManagedBy, policy.Source), ShownOf(document, managedBy, source));
        if (changes is null)
        {
            return (null, false);
        }

        var version = policy.Version + 1;
        // One after the other for an organization, so that two do not take a name together.
        await LockAsync(tx, caller.OrgId);
        var changed = await tx.ExecuteAsync(
            """
            update policies set name = @Name, document = @Text, enabled = @IsEnabled, observed = @IsObserved, version = @version,
                managed_by = @managedBy, source = @source, updated_at = @now, updated_by = @SubjectId
            where org_id = @OrgId and policy_id = @PolicyId and not exists (
                select from policies o where o.org_id = @OrgId and o.name = @Name and o.policy_id <> @PolicyId and o.deleted_at is null)
            """,
            new
            {
                policy.OrgId,
                policy.PolicyId,
                document.Name,
                Text = CanonicalForm.ToJson(document),
                document.IsEnabled,
                document.IsObserved,
                version,
                managedBy,
                source,
                now,
                caller.SubjectId,
            });
        if (changed == 0)
        {
            return (changes, true);
        }

        await KeepVersionAsync(tx, caller, policy.PolicyId, version, document, restoredFrom, now);
        if (changes.Changed.Contains("document"))
        {
            await StaleDecisions.MarkPolicyAsync(tx, caller, policy.PolicyId);
        }

        return (changes, false);
    }

    private static Task<int> KeepVersionAsync(
        Tx tx, Caller caller, PolicyId id, int version, PolicyDocument document, int? restoredFrom, DateTimeOffset now) => tx.ExecuteAsync(
        """
        insert into policy_versions (org_id, policy_id, version, document, restored_from, changed_at, changed_by, changed_by_email)
        values (@OrgId, @id, @version, @Text, @restoredFrom, @now, @By, @Email)
        """,
        new
        {
            caller.OrgId,
            id,
            version,
            Text = CanonicalForm.ToJson(document),
            restoredFrom,
            now,
            By = caller.SubjectType == "system" ? null : (Guid?)caller.SubjectId.Value,
            caller.Email,
        });
}
