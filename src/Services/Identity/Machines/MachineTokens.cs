using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;

namespace EnvPlatform.Identity.Machines;

/// <summary>The tokens that are bound to a machine.</summary>
internal static class MachineTokens
{
    /// <summary>Voids them: the machine has another, is somebody else's, or is gone.</summary>
    public static async Task<int> RevokeAsync(Tx tx, OrganizationId organization, MachineId machine, DateTimeOffset now)
    {
        var revoked = await tx.QueryAsync<TokenId>(
            """
            update tokens set revoked_at = @now where org_id = @organization and machine_id = @machine and revoked_at is null
            returning id
            """, new { organization, machine, now });
        TokenStore.Publish(tx, revoked, now);
        return revoked.Count;
    }
}
