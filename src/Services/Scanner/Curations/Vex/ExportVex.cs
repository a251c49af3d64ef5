using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>A verdict that is in force, with the names of its vulnerability.</summary>
internal sealed record VexExport(
    string VulnerabilityId, string[] Aliases, CurationScope Scope, string Status, string Reason, DateTimeOffset CreatedAt)
{
    /// <summary>The reason, with the mark of what neither format has a status for.</summary>
    public string Text => Status switch
    {
        "disputed" => VexStatement.DisputedMark + Reason,
        CurationStatuses.NotAffected => VexStatement.PlatformMark + Reason,
        _ => Reason,
    };
}

/// <summary>The verdicts that are in force for the organization, its own and the platform's, as a VEX document for other tools.</summary>
internal static class ExportVex
{
    public static void MapExportVex(this IEndpointRouteBuilder vulnerabilities) =>
        vulnerabilities.MapGet("/vex", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithName(nameof(ExportVex))
            .WithSummary(
                "The organization's curations, and the platform's that apply to its environments, as VEX: format=openvex or cyclonedx.");

    /// <summary>The organization's identifier in documents: the product of verdicts on a whole vulnerability.</summary>
    public static string Identifier(Caller caller) => $"urn:uuid:{caller.OrgId}";

    private static async Task<Results<JsonHttpResult<JsonObject>, ProblemHttpResult>> HandleAsync(
        string? format, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (format is not (OpenVex.Format or CycloneDxVex.Format))
        {
            return Problems.Invalid("format", $"Must be {OpenVex.Format} or {CycloneDxVex.Format}.");
        }

        var rows = await db.QueryAsync<Row>(
            """
            select distinct on (c.vulnerability_id, c.package, c.version, c.build)
                   v.id as vulnerability_id, v.aliases[1:100] as aliases, c.package, c.version, c.build, c.status, c.reason, c.created_at
            from curations c join vulnerabilities v on v.id = c.vulnerability_id
            where c.org_id = @OrgId and c.ended_at is null
            order by c.vulnerability_id, c.package nulls first, c.version nulls first, c.build nulls first, c.created_at desc, c.id desc
            """, new { caller.OrgId }, ct);
        var now = clock.GetUtcNow();
        var curations = rows.Select(row => new VexExport(
            row.VulnerabilityId, row.Aliases, new(row.Package, row.Version, row.Build), row.Status, row.Reason, row.CreatedAt))
            .Concat(await PlatformCurationsAsync(db, caller, now, ct)).ToArray();
        if (format is OpenVex.Format && curations.Length == 0)
        {
            return Problems.Of(
                StatusCodes.Status409Conflict, "nothing_curated", "Nothing is curated.",
                "A document of OpenVEX has at least one statement, and neither the organization nor the platform holds anything.");
        }

        // What leaves the platform is in the log before it leaves.
        await using var tx = await db.BeginAsync(ct);
        tx.Audit(
            caller, now, "vex_exported", new AuditTarget(caller.OrgId.ToString(), null, "organization"),
            $"{caller.DisplayName} exported {curations.Length} verdicts as VEX ({format}).", new { format, Verdicts = curations.Length });
        await tx.CommitAsync();
        var author = caller.Organization!.Slug;
        return format is OpenVex.Format
            ? TypedResults.Json(
                OpenVex.Write(curations, Identifier(caller), author, Guid.CreateVersion7(now), now), contentType: OpenVex.MediaType)
            : TypedResults.Json(
                CycloneDxVex.Write(curations, Identifier(caller), author, Guid.CreateVersion7(now), now),
                contentType: CycloneDxVex.MediaType);
    }

    /// <summary>
    /// The platform's verdicts on packages that the organization's environments hold, archived ones left out. A document does not say in
    /// which environment, so a package is in it only where the verdict is the same in all of them.
    /// </summary>
    private static async Task<IEnumerable<VexExport>> PlatformCurationsAsync(
        NpgsqlDataSource db, Caller caller, DateTimeOffset now, CancellationToken ct) =>
        (await db.QueryAsync<PlatformRow>(
            $"""
            select v.id as vulnerability_id, v.aliases[1:100] as aliases, p.name, p.version, p.build, p.project, min(f.library) as library,
                   array(select distinct unnest(array_agg(array_to_string(curation.provided_by, ','))) order by 1) as provided_by
            from (select distinct set_id from set_environments where org_id = @OrgId and not archived) as e
            join set_counts n on n.set_id = e.set_id join package_sets s on s.id = e.set_id
            cross join unnest(s.package_ids) as held(package_id)
            join packages p on p.package_id = held.package_id join findings f on f.found_id = p.found_id and f.provided_by is not null
            join vulnerabilities v on v.id = f.vulnerability_id
            {CurationInForce.Of("@OrgId", "n.libraries")}
            group by v.id, p.name, p.version, p.build, p.project
            having bool_and({CurationInForce.Status} = '{CurationStatuses.NotAffected}')
            order by v.id, p.name, p.version, p.build
            """, new { caller.OrgId }, ct)).Select(row => new VexExport(
                row.VulnerabilityId, row.Aliases, new(row.Name.ToLowerInvariant(), row.Version, row.Build), CurationStatuses.NotAffected,
                BundledLibraries.BuiltIn.Explain(row.Library, row.Project, row.Providers), now));

    private sealed record PlatformRow(
        string VulnerabilityId, string[] Aliases, string Name, string Version, string Build, string Project, string Library,
        string[] ProvidedBy)
    {
        public string[] Providers =>
            [.. ProvidedBy.SelectMany(names => names.Split(',')).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private sealed record Row(
        string VulnerabilityId, string[] Aliases, string? Package, string? Version, string? Build, string Status, string Reason,
        DateTimeOffset CreatedAt);
}
