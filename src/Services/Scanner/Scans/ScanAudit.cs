using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Scans;

/// <summary>The audit events of a scan.</summary>
internal static class ScanAudit
{
    public static void Record(Tx tx, Caller actor, PlacedEnvironment environment, SetCounts counts, DateTimeOffset now) =>
        tx.Audit(
            actor, now, "environment_scanned", new AuditTarget(environment.EnvironmentId.ToString(), null, "environment"),
            $"Environment {environment.Name} was scanned: {Sentence(counts)}.",
            new
            {
                environment.Name,
                environment.Prefix,
                counts.Packages,
                counts.Vulnerabilities,
                counts.MaxCvss,
                counts.Kev,
                counts.NotChecked
            });

    private static string Sentence(SetCounts counts) => counts.Vulnerabilities.Total switch
    {
        0 => $"nothing found in {counts.Packages} packages, {counts.NotChecked} of them not checked",
        1 => "1 vulnerability",
        _ => $"{counts.Vulnerabilities.Total} vulnerabilities, {counts.Vulnerabilities.Critical} critical and "
            + $"{counts.Vulnerabilities.High} high",
    };
}
