using System.Collections.Frozen;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Scans;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// The smallest set of upgrades that clears an environment of what is active or reported in it, as commands that a member can paste.
/// </summary>
internal static class GetUpgrades
{
    /// <summary>What is to be cleared; by default all that is active or reported.</summary>
    /// <param name="Severity">Comma-separated: critical, high, medium, low, none, unknown.</param>
    /// <param name="Package">A package's name, exactly.</param>
    /// <param name="Kev">
    /// Known to be exploited, or known not to be listed as exploited; nothing is either while no catalogue was imported.
    /// </param>
    internal sealed record Filter([FromQuery] string? Severity, [FromQuery] string? Package, [FromQuery] bool? Kev);

    public static void MapGetUpgrades(this IEndpointRouteBuilder organization) =>
        organization.MapGet("/environments/{id}/upgrades", HandleAsync).WithName(nameof(GetUpgrades))
            .WithSummary("The smallest set of upgrades that clears an environment, with commands to paste.");

    private static async Task<Results<Ok<EnvironmentUpgrades>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, [AsParameters] Filter asked, Caller caller, NpgsqlDataSource db, CurrentIndex current, PlanUpgrades plan,
        CondaChannels channels, IOptions<ScannerOptions> options, CancellationToken ct)
    {
        var filter = new VulnerabilityFilter(null, asked.Severity, asked.Package, asked.Kev).Parse();
        var environment = await db.QuerySingleOrDefaultAsync<EnvironmentRow>(
            """
            select set_id, prefix, name, platform from environments
            where org_id = @OrgId and environment_id = @id and visible and (@OnlyOwner::uuid is null or owner = @OnlyOwner)
            """, new { caller.OrgId, id, OnlyOwner = caller.OnlyOwner?.Value }, ct);
        if (environment is null)
        {
            return Problems.NotFound();
        }

        var most = options.Value.MaxFindings;
        var (rows, index) = await ReadAsync(db, current, new(environment.SetId, caller.OrgId, filter.Package, most + 1), ct);
        if (rows.Count > most)
        {
            return Problems.Of(
                StatusCodes.Status413PayloadTooLarge, "too_many_findings", "Too many findings for one answer.",
                $"More than {most} findings are in this environment. Name a package.");
        }

        var packages = rows.GroupBy(row => (row.Manager, row.Name, row.Version, row.Channel, row.Project))
            .Select(group => group.ToArray()).ToArray();
        var installed = packages.Select(findings => (findings[0].Manager, environment.Platform, findings[0].Installed)).ToArray();
        var libraries = await db.QuerySingleOrDefaultAsync<string[]>(
            "select libraries from set_counts where set_id = @SetId", new { environment.SetId }, ct);
        var accepted = await AcceptedVulnerabilities.OfAsync(db, caller.OrgId, installed, libraries ?? [], index, ct);
        var vulnerable = packages.Select((findings, i) => new VulnerablePackage(
            findings[0].Manager, findings[0].Name, findings[0].Installed,
            findings.Select(row => row.VulnerabilityId).ToFrozenSet(StringComparer.Ordinal),
            findings.Where(row => row.IsWanted(filter)).Select(row => row.VulnerabilityId).ToFrozenSet(StringComparer.Ordinal),
            accepted[i])).ToArray();
        var held = await db.QueryAsync<HeldRow>(
            $"with {HeldPackages.OfSet} select name, version, build, channel, subdir from held where manager = 'conda' order by name",
            new { Set = environment.SetId, Package = (string?)null }, ct);
        return TypedResults.Ok(await plan.RunAsync(
            caller.OrgId, index, vulnerable,
            [.. held.Select(row => HeldPackage.Of(channels, row.Name, row.Version, row.Build, row.Channel, row.Subdir))],
            new(environment.Prefix, environment.Name, environment.Platform), ct));
    }

    /// <summary>
    /// The open findings of a set, and the advisories of exactly the generation that they are of. Builds of a version that were taken for
    /// the same project are one package: an upgrade replaces them all.
    /// </summary>
    private static async Task<(List<Row> Rows, AdvisoryIndex Index)> ReadAsync(
        NpgsqlDataSource db, CurrentIndex current, Wanted wanted, CancellationToken ct)
    {
        while (true)
        {
            var rows = await db.QueryAsync<Row>(
                $"""
                with {HeldPackages.OfSet},
                {CurationInForce.Curated("@Organization")},
                alike as (
                    select {Columns}, p.found_id, min(p.build) as build, min(p.package_id) as package_id
                    from held p where p.found_id is not null group by {Columns}, p.found_id),
                found as (
                    select {Columns}, p.build, p.package_id, f.vulnerability_id
                    from alike p join findings f on f.found_id = p.found_id
                    where f.vulnerability_id not in (select vulnerability_id from curated)
                    union all
                    select {Columns}, p.build, p.package_id, f.vulnerability_id
                    from held p join findings f on f.found_id = p.found_id join curated c on c.vulnerability_id = f.vulnerability_id
                    {CurationInForce.Of("@Organization", HeldPackages.Libraries)}
                    where {CurationInForce.Status} in {CurationInForce.Open})
                select p.manager, p.name, p.version, min(p.build) as build, p.channel, p.project, p.vulnerability_id, v.severity,
                       {VulnerabilityView.KevSql} as kev,
                       (select generation from advisory_state) as generation
                from found p join vulnerabilities v on v.id = p.vulnerability_id
                group by {Columns}, p.vulnerability_id, v.severity, v.kev
                order by min(p.package_id)
                limit @Most
                """, wanted, ct);
            var generation = rows.Count > 0 ? rows[0].Generation : 0;
            var index = await current.AtLeastAsync(generation, ct);
            if (rows.Count == 0 || index.Generation == generation)
            {
                return (rows, index.Index);
            }
        }
    }

    private const string Columns = "p.manager, p.name, p.version, p.channel, p.ecosystem, p.project";

    private sealed record Wanted(long Set, OrganizationId Organization, string? Package, int Most);

    private sealed record HeldRow(string Name, string Version, string Build, string Channel, string Subdir);

    private sealed record EnvironmentRow(long SetId, string? Prefix, string? Name, string? Platform);

    private sealed record Row(
        string Manager, string Name, string Version, string Build, string Channel, string Project, string VulnerabilityId,
        string Severity, bool? Kev, long Generation)
    {
        public InstalledPackage Installed => LoggedPackage.InstalledPackageOf(Manager, Name, Version, Build, Channel);

        public bool IsWanted(VulnerabilityFilter.Values filter) =>
            (filter.Severities is null || filter.Severities.Contains(Severity)) && (filter.Kev is null || filter.Kev == Kev)
            && (filter.Package is null || filter.Package == Name);
    }
}
