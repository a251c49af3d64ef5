using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>What is known of the environment at a place when it is to be activated.</summary>
/// <param name="Owner">Who logged it first.</param>
/// <param name="Manual">The status that an administrator set; ok where nobody did.</param>
/// <param name="Message">What the administrator wrote, or a sentence of the platform; null with ok.</param>
/// <param name="SetAt">When the status was set; null where nobody ever set one.</param>
internal sealed record ActivationFacts(
    EnvironmentId EnvironmentId, SubjectId? Owner, EnvironmentStatus Manual, string? Message, DateTimeOffset? SetAt)
{
    /// <summary>
    /// Null for a place where no environment is known. Two environments are at one place only until the event that moves one of them away
    /// arrives: the newer one is used.
    /// </summary>
    public static Task<ActivationFacts?> ReadAsync(NpgsqlDataSource db, Location location, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<ActivationFacts>(
            """
            select environment_id, owner, status as manual, message, set_at
            from environment_status
            where org_id = @OrganizationId and machine_id = @MachineId and md5(prefix)::uuid = md5(@Prefix)::uuid
                and prefix = @Prefix and not removed
            order by placed_at desc nulls last, environment_id desc limit 1
            """, new { location.OrganizationId, location.MachineId, location.Prefix }, ct);
}
