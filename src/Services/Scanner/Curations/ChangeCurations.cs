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
        return row?.ToCurated();
    }

    /// <summary>The verdict in force for exactly this scope.</summary>
    public static async Task<Verdict> InForceAsync(Tx tx, OrganizationId organization, string vulnerability, CurationScope scope) =>
        await tx.QuerySingleOrDefaultAsync<Verdict>(
            $"select c.status, c.reason, c.expires_at from curations c where {OfScope} order by c.created_at desc, c.id desc limit 1",
            Parameters(organization, vulnerability, scope)) ?? Verdict.None;

    /// <summary>The verdicts that count for exactly a scope, of all scopes of these vulnerabilities.</summary>
    public static async Task<Dictionary<(string Vulnerability, CurationScope Scope), Verdict>> InForceAsync(
        Tx tx, OrganizationId organization, string[] vulnerabilities) =>
        (await tx.QueryAsync<InForceRow>(
            """
            select distinct on (vulnerability_id, package, version, build)
                vulnerability_id, package, version, build, status, reason, expires_at
            from curations where org_id = @organization and vulnerability_id = any(@vulnerabilities) and ended_at is null
            order by vulnerability_id, package, version, build, created_at desc, id desc
            """, new { organization, vulnerabilities })).ToDictionary(
                row => (row.VulnerabilityId, new CurationScope(row.Package, row.Version, row.Build)),
                row => new Verdict(row.Status, row.Reason, row.ExpiresAt));

    /// <summary>Stores verdicts, each of another scope; the counts and the audit log are for the caller to follow.</summary>
    public static Task StoreAsync(
        Tx tx, Caller caller, IReadOnlyList<(Curated Vulnerability, CurationScope Scope, Verdict Verdict)> given, DateTimeOffset now)
    {
        var vulnerabilities = given.Select(one => one.Vulnerability).DistinctBy(one => one.Id).ToArray();
        return tx.ExecuteAsync(
            """
            update curations c set ended_at = @now, ended_as = 'superseded', ended_by = @SubjectId, ended_by_email = @Email
            from unnest(@Vulnerabilities, @Packages, @Versions, @Builds, @Expiries::timestamptz[])
                as g(vulnerability_id, package, version, build, expires_at)
            where c.org_id = @OrgId and c.vulnerability_id = g.vulnerability_id and c.ended_at is null
                and (c.package, c.version, c.build) is not distinct from (g.package, g.version, g.build)
                and (g.expires_at is null or c.expires_at <= g.expires_at);

            insert into curations (
                org_id, id, vulnerability_id, made_for, names, package, project, version, build, status, reason, created_at, created_by,
                    created_by_email, expires_at)
            select @OrgId, g.id, g.vulnerability_id, g.vulnerability_id, n.names, g.package, g.project, g.version, g.build,
                g.status, g.reason, @now, @SubjectId, @Email, g.expires_at
            from unnest(
                @Ids, @Vulnerabilities, @Packages, @Projects, @Versions, @Builds, @Statuses, @Reasons, @Expiries::timestamptz[])
                as g(id, vulnerability_id, package, project, version, build, status, reason, expires_at)
            join (
                select vulnerability_id, array_agg(name order by place) as names
                from unnest(@Named, @Names, @Places) as named(vulnerability_id, name, place) group by vulnerability_id) n
                using (vulnerability_id);

            notify curations
            """, new
            {
                caller.OrgId,
                now,
                caller.SubjectId,
                caller.Email,
                Ids = given.Select(_ => CurationId.New(now).Value).ToArray(),
                Vulnerabilities = given.Select(one => one.Vulnerability.Id).ToArray(),
                Packages = given.Select(one => one.Scope.Package).ToArray(),
                Projects = given.Select(one => one.Scope.Project).ToArray(),
                Versions = given.Select(one => one.Scope.Version).ToArray(),
                Builds = given.Select(one => one.Scope.Build).ToArray(),
                Statuses = given.Select(one => one.Verdict.Status).ToArray(),
                Reasons = given.Select(one => one.Verdict.Reason).ToArray(),
                Expiries = given.Select(one => one.Verdict.ExpiresAt?.UtcDateTime).ToArray(),
                Named = vulnerabilities.SelectMany(one => one.Names.Select(_ => one.Id)).ToArray(),
                Names = vulnerabilities.SelectMany(one => one.Names).ToArray(),
                Places = vulnerabilities.SelectMany(one => Enumerable.Range(0, one.Names.Length)).ToArray(),
            });
    }

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

        // Also where no count changed, and also those that no environment is on for the time being.
        foreach (var sets in (await OrganizationCounts.SetsOfAsync(tx, vulnerabilities)).Chunk(FindingsChanged.Most))
        {
            tx.Publish(new FindingsChanged(organization, sets));
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

    /// <summary>A vulnerability as its names are read.</summary>
    internal sealed record NamedRow(string Id, string[] Advisories, string[] Aliases)
    {
        public Curated ToCurated() => new(Id, [
            .. Advisories.Prepend(Id).Concat(Aliases).Select(one => one.ToLowerInvariant())
                .Distinct(StringComparer.Ordinal).Take(MaxNames)]);
    }

    private sealed record InForceRow(
        string VulnerabilityId, string? Package, string? Version, string? Build, string Status, string? Reason, DateTimeOffset? ExpiresAt);
}

/// <summary>A vulnerability to be curated, with the ids to recognise it by later: in lower case, its own first.</summary>
internal sealed record Curated(string Id, string[] Names);
