using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Scans;

/// <summary>What was found in the package set that an environment holds, as a decision about the environment needs it.</summary>
/// <param name="MaxCvss">The highest CVSS base score, 0 to 10; null when nothing has a score.</param>
/// <param name="Kev">How many of the vulnerabilities are known to be exploited; null when that is not known.</param>
/// <param name="NotChecked">How many packages could not be checked.</param>
internal sealed record ScanFacts(
    long PackageSetId, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, int NotChecked, DateTimeOffset ScannedAt)
{
    /// <summary>Null while the environment's package set is not known, or has not been scanned.</summary>
    public static Task<ScanFacts?> ReadAsync(Tx tx, OrganizationId organization, EnvironmentId environment) =>
        tx.QuerySingleOrDefaultAsync<ScanFacts>(
            $"""
            select package_set_id, {CountColumns.ValueOf("f")} as vulnerabilities, f.max_cvss, f.kev, f.not_checked, f.scanned_at
            from environment_status s join scan_facts f using (org_id, package_set_id)
            where org_id = @organization and environment_id = @environment
            """, new { organization, environment });
}
