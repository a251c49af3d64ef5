using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Machines;

/// <summary>The statements about enrolment keys that more than one slice needs.</summary>
internal static class EnrolmentKeys
{
    /// <summary>Ends a key that somebody found where it should not be; nothing when there is no such key that is good.</summary>
    public static async Task RevokeReportedAsync(Tx tx, string posted, string? url, RequestOrigin origin, DateTimeOffset now)
    {
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update enrolment_keys set revoked_at = @now where sha256 = @Sha256 and revoked_at is null
            returning id, name, org_id
            """, new { Sha256 = SecretFormat.Sha256(posted), now });
        if (row is not null)
        {
            tx.Audit(
                await ReportTokens.SystemOfAsync(tx, row.OrgId, origin), now, "enrolment_key_revoked",
                new AuditTarget(row.Id.ToString(), null, "enrolment_key"),
                $"The enrolment key '{row.Name}' was revoked: somebody found it where it should not be.",
                new { row.Name, reason = "reported", url });
        }
    }

    private sealed record Row(EnrolmentKeyId Id, string Name, OrganizationId OrgId);
}
