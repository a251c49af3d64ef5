using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Scans;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Curations;

/// <summary>A person's verdict on a finding, and until when it holds.</summary>
internal sealed record Verdict(string Status, string? Reason, DateTimeOffset? ExpiresAt)
{
    public static Verdict None { get; } = new(CurationStatuses.Reported, null, null);
}

/// <summary>
/// Changes an organization's verdicts, the counts of its sets, publishes the new counts of its environments, and writes the audit log. The
/// transaction shares the <see cref="Advisories.FindingsLock"/> and holds the organization's <see cref="CurationsLock"/>.
/// </summary>
internal static class ChangeCurations
{
    private const int MaxNames = 1_000;
    private const int Chunk = 10_000;

    /// <summary>The verdicts of a scope that have not ended. A row constructor compares nulls as equal.</summary>
    public const string OfScope =
        """
        c.org_id = @OrgId and c.vulnerability_id = @Vulnerability and c.ended_at is null
            and (c.package, c.version, c.build) is not distinct from (@Package::text, @Version::text, @Build::text)
        """;

    /// <summary>The vulnerability with this id or alias, with all of its names, its own first; null when there is none.</summary>
    public static async Task<Curated?> FindAsync(Tx tx, string name)
    {
        var row = await tx.QuerySingleOrDefaultAsync<NamedRow>(
            """
            select v.id, v.advisories, v.aliases from vulnerability_names n join vulnerabilities v on v.id = n.vulnerability_id
            where n.name = @Name order by v.id limit 1
            """, new { Name = name.ToLowerInvariant() });
        return row is null ? null : new(row.Id, [
            .. row.Advisories.Prepend(row.Id).Concat(row.Aliases).Select(one => one.ToLowerInvariant())
                .Distinct(StringComparer.Ordinal).Take(MaxNames)]);
    }

    /// <summary>The verdict in force for exactly this scope.</summary>
    public static async Task<Verdict> InForceAsync(Tx tx, OrganizationId organization, string vulnerability, CurationScope scope) =>
        await tx.QuerySingleOrDefaultAsync<Verdict>(
            $"select c.status, c.reason, c.expires_at from curations c where {OfScope} order by c.created_at desc, c.id desc limit 1",
            Parameters(organization, vulnerability, scope)) ?? Verdict.None;

    /// <summary>Stores a verdict; the caller updates the counts and the audit log.</summary>
    public static Task StoreAsync(Tx tx, Caller caller, Curated vulnerability, CurationScope scope, Verdict verdict, DateTimeOffset now) =>
        tx.ExecuteAsync(
            $"""
            update curations c set ended_at = @now, ended_as = 'superseded', ended_by = @SubjectId, ended_by_email = @Email
            where {OfScope} and (@ExpiresAt::timestamptz is null or c.expires_at <= @ExpiresAt);

            insert into curations (
                org_id, id, vulnerability_id, made_for, names, package, project, version, build, status, reason, created_at, created_by,
                    created_by_email, expires_at)
            values (
                @OrgId, @Id, @Vulnerability, @Vulnerability, @Names, @Package, @Project, @Version, @Build, @Status, @Reason, @now,
                    @SubjectId, @Email, @ExpiresAt);

            notify curations
            """, new
            {
                caller.OrgId,
                Vulnerability = vulnerability.Id,
                scope.Package,
                scope.Version,
                scope.Build,
                now,
                caller.SubjectId,
                caller.Email,
                verdict.ExpiresAt,
                Id = CurationId.New(now),
                vulnerability.Names,
                scope.Project,
                verdict.Status,
                verdict.Reason,
            });

    /// <summary>Records in the audit log that a verdict was given.</summary>
    public static void AuditGiven(
        Tx tx, Caller caller, string vulnerability, CurationScope scope, Verdict before, Verdict verdict, int? told, DateTimeOffset now)
    {
        var until = verdict.ExpiresAt is { } end ? $" until {end:u}" : "";
        Audit(tx, caller, now, "vulnerability_curated", vulnerability, scope, before, verdict, told,
            $"{vulnerability} was curated as {verdict.Status}{scope}{until}.");
    }

    /// <summary>Takes back the verdicts on exactly this scope.</summary>
    /// <returns>Whether there was anything.</returns>
    public static async Task<bool> TakeBackAsync(
        Tx tx, Caller caller, string vulnerability, CurationScope scope, string? reason, DateTimeOffset now)
    {
        var before = await InForceAsync(tx, caller.OrgId, vulnerability, scope);
        if (before == Verdict.None)
        {
            return false;
        }

        await tx.ExecuteAsync(
            $"""
            update curations c set ended_at = @now, ended_as = 'taken_back', ended_by = @SubjectId, ended_by_email = @Email where {OfScope}
            """, new
            {
                caller.OrgId,
                Vulnerability = vulnerability,
                scope.Package,
                scope.Version,
                scope.Build,
                now,
                caller.SubjectId,
                caller.Email,
            });
        var told = await TellAsync(tx, caller.OrgId, [vulnerability], now);
        Audit(
            tx, caller, now, "vulnerability_curated", vulnerability, scope, before, Verdict.None with { Reason = reason }, told,
            $"The curation of {vulnerability}{scope} as {before.Status} was taken back.");
        return true;
    }

    /// <summary>
    /// Recounts the organization's sets that have one of the vulnerabilities, and notifies its environments on those that changed.
    /// </summary>
    /// <returns>How many environments were notified.</returns>
    public static async Task<int> TellAsync(Tx tx, OrganizationId organization, string[] vulnerabilities, DateTimeOffset now)
    {
        var told = 0;
        foreach (var sets in (await OrganizationCounts.SetsOfAsync(tx, organization, vulnerabilities)).Chunk(Chunk))
        {
            told += await TellEnvironments.RunAsync(tx, [], await OrganizationCounts.RefreshAsync(tx, [organization], sets, now));
        }

        return told;
    }

    /// <param name="told">Environments whose counts it changed; null where several verdicts together did.</param>
    public static void Audit(
        Tx tx, Caller caller, DateTimeOffset now, string action, string vulnerability, CurationScope scope, Verdict before, Verdict after,
        int? told, string message) =>
        tx.Audit(caller, now, action, new AuditTarget(vulnerability, null, "vulnerability"), message, new
        {
            Vulnerability = vulnerability,
            scope.Package,
            scope.Version,
            scope.Build,
            Before = before,
            After = after,
            Environments = told,
        });

    public static object Parameters(OrganizationId organization, string vulnerability, CurationScope scope) =>
        new { OrgId = organization, Vulnerability = vulnerability, scope.Package, scope.Version, scope.Build };

    private sealed record NamedRow(string Id, string[] Advisories, string[] Aliases);
}

/// <summary>A vulnerability to be curated, with the ids to recognise it by later: in lower case, its own first.</summary>
internal sealed record Curated(string Id, string[] Names);
