using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>A verdict that is in force, with the names of its vulnerability.</summary>
internal sealed record VexExport(
    string VulnerabilityId, string[] Aliases, CurationScope Scope, string Status, string Reason, DateTimeOffset CreatedAt);

/// <summary>The organization's verdicts that are in force, as a VEX document for other tools.</summary>
internal static class ExportVex
{
    public static void MapExportVex(this IEndpointRouteBuilder vulnerabilities) =>
        vulnerabilities.MapGet("/vex", HandleAsync).RequireAuthorization(Access.Reader).WithName(nameof(ExportVex))
            .WithSummary("The organization's curations as VEX: format=openvex or cyclonedx.");

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
        var curations = rows.Select(row => new VexExport(
            row.VulnerabilityId, row.Aliases, new(row.Package, row.Version, row.Build), row.Status, row.Reason, row.CreatedAt)).ToArray();
        if (format is OpenVex.Format && curations.Length == 0)
        {
            return Problems.Of(
                StatusCodes.Status409Conflict, "nothing_curated", "Nothing is curated.",
                "A document of OpenVEX has at least one statement, and the organization holds nothing.");
        }

        // What leaves the platform is in the log before it leaves.
        var now = clock.GetUtcNow();
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

    private sealed record Row(
        string VulnerabilityId, string[] Aliases, string? Package, string? Version, string? Build, string Status, string Reason,
        DateTimeOffset CreatedAt);
}
