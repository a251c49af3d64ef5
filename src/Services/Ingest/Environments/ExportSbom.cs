using System.Reflection;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Sboms;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>The software bill of materials of an environment, for other tools.</summary>
internal static class ExportSbom
{
    private static readonly string Version = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "0.0.0";

    public static void MapExportSbom(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}/sbom", HandleAsync).WithName(nameof(ExportSbom))
            .WithSummary("The SBOM of an environment: format=cyclonedx or spdx; vulnerabilities=true adds them with VEX to CycloneDX.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status503ServiceUnavailable);

    /// <param name="format">cyclonedx (1.6) or spdx (2.3).</param>
    /// <param name="vulnerabilities">Whether the document holds them, and what the organization holds of them; CycloneDX only.</param>
    private static async Task<Results<JsonHttpResult<JsonObject>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, string? format, bool? vulnerabilities, Caller caller, NpgsqlDataSource db, SbomFindings scanner,
        TimeProvider clock, CancellationToken ct)
    {
        var environment = await db.QuerySingleOrDefaultAsync<EnvironmentOf>(
            """
            select e.owner_id, e.name, e.platform, e.package_set_id, s.digest, e.incomplete::text as incomplete
            from environments e join package_sets s on s.package_set_id = e.package_set_id
            where e.org_id = @OrgId and e.environment_id = @id and e.removed_at is null
            """, new { caller.OrgId, id }, ct);
        if (environment is null || !caller.MaySee(environment.OwnerId))
        {
            return Problems.NotFound();
        }

        if (format is not (CycloneDxSbom.Format or SpdxSbom.Format))
        {
            return Problems.Invalid("format", $"Must be {CycloneDxSbom.Format} or {SpdxSbom.Format}.");
        }

        if (vulnerabilities == true && format is SpdxSbom.Format)
        {
            return Problems.Invalid("vulnerabilities", $"Only documents of the format {CycloneDxSbom.Format} hold vulnerabilities.");
        }

        SbomFindings.Found? found = null;
        try
        {
            found = vulnerabilities == true ? await scanner.GetAsync(caller.OrgId, environment.PackageSetId, ct) : null;
        }
        catch (RpcException failure) when (!ct.IsCancellationRequested)
        {
            // Without what was found the document would say that there is nothing.
            return failure.StatusCode == StatusCode.NotFound
                ? Problems.Conflict("not_scanned", "The packages of the environment have not been scanned yet.")
                : Problems.Of(
                    StatusCodes.Status503ServiceUnavailable, "scanner_unavailable", "A part of the platform is away.",
                    "Which vulnerabilities the packages have could not be found out.");
        }

        var rows = await db.QueryAsync<Row>(PackagesSql, new { caller.OrgId, id, environment.PackageSetId }, ct);
        var now = clock.GetUtcNow();
        var sbom = SbomOf(caller, id, environment, rows, found, now);

        // What leaves the platform is in the log before it leaves.
        await using var tx = await db.BeginAsync(ct);
        tx.Audit(
            caller, now, "sbom_exported", new(id.ToString(), environment.Name, "environment"),
            $"Exported the SBOM of the environment {environment.Name} ({format}).",
            new { format, Packages = rows.Count, Vulnerabilities = sbom.Vulnerabilities?.Count });
        await tx.CommitAsync();
        return format is SpdxSbom.Format
            ? TypedResults.Json(SpdxSbom.Write(sbom), contentType: SpdxSbom.MediaType)
            : TypedResults.Json(CycloneDxSbom.Write(sbom), contentType: CycloneDxSbom.MediaType);
    }

    private static Sbom SbomOf(
        Caller caller, EnvironmentId id, EnvironmentOf environment, List<Row> rows, SbomFindings.Found? found, DateTimeOffset now)
    {
        var packages = rows.ToDictionary(row => row.PackageId, row =>
        {
            var coverage = found?.Coverage.GetValueOrDefault(row.PackageId);
            return new SbomPackage(
                row.Manager, row.Name, row.Version, Text(row.Build), Text(row.Subdir), Text(row.Channel), row.Sha256, row.License,
                row.Requested == true, found is null ? null : coverage?.Coverage ?? "not_checked",
                found is not null && coverage is null ? "pending" : coverage?.Reason);
        });
        return new(
            Guid.CreateVersion7(now), now, $"urn:uuid:{id}", environment.Name, caller.Organization!.Slug, Version, environment.Platform,
            environment.Digest, [.. rows.Select(row => packages[row.PackageId])],
            Incompleteness.Of(environment.Incomplete)?.Select(one => new SbomIncomplete(one.What ?? "?", one.Reason ?? "unknown"))
                .ToArray(),
            found?.Vulnerabilities(packages));
    }

    private static string? Text(string text) => text.Length == 0 ? null : text;

    private const string PackagesSql =
        """
        select p.package_id, p.manager, p.name, p.version, p.build, p.channel, p.subdir, o.license, o.sha256,
            (select p.package_id = any(e.requested_ids) from environments e where e.org_id = @OrgId and e.environment_id = @id) as requested
        from package_sets s
        cross join unnest(s.package_ids) as held (package_id)
        join packages p on p.package_id = held.package_id
        left join organization_packages o on o.org_id = @OrgId and o.package_id = p.package_id
        where s.package_set_id = @PackageSetId
        order by p.name, p.package_id
        """;

    private sealed record EnvironmentOf(
        SubjectId OwnerId, string Name, string Platform, long PackageSetId, string Digest, string? Incomplete);

    private sealed record Row(
        int PackageId, string Manager, string Name, string Version, string Build, string Channel, string Subdir, string? License,
        string? Sha256, bool? Requested);
}
