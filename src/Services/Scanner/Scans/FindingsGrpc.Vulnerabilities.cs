using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Vulnerabilities;

using Google.Protobuf.WellKnownTypes;

using Grpc.Core;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Other services ask which vulnerabilities the packages of a set have, with the organization's verdicts on them.</summary>
internal sealed partial class FindingsGrpc
{
    private const int VulnerabilitiesAtOnce = 1_000;

    public override async Task GetFoundVulnerabilities(
        GetFoundVulnerabilitiesRequest request, IServerStreamWriter<FoundVulnerability> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        var ct = context.CancellationToken;
        if (!OrganizationId.TryParse(request.OrganizationId, out var organization))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The organization is not an id."));
        }

        if (await db.QuerySingleOrDefaultAsync<long?>(
            "select id from package_sets where id = @PackageSetId", new { request.PackageSetId }, ct) is null)
        {
            throw new RpcException(new Status(StatusCode.NotFound, "The set has not been scanned yet."));
        }

        var found = (await db.QueryAsync<FoundRow>(FoundSql, new { request.PackageSetId, Organization = organization }, ct))
            .ToLookup(row => row.VulnerabilityId, StringComparer.Ordinal);
        foreach (var ids in found.Select(of => of.Key).Order(StringComparer.Ordinal).Chunk(VulnerabilitiesAtOnce))
        {
            var known = await VulnerabilityView.ReadAsync(db, ids, ct);
            var reasons = (await db.QueryAsync<ReasonRow>(ReasonsSql, new { Organization = organization, Ids = ids }, ct))
                .DistinctBy(row => (row.VulnerabilityId, row.CreatedAt))
                .ToDictionary(row => (row.VulnerabilityId, row.CreatedAt), row => row.Reason);
            foreach (var id in ids)
            {
                // An import may have changed the vulnerabilities in between: what was found stays found.
                await responseStream.WriteAsync(MessageOf(id, known.GetValueOrDefault(id), [.. found[id]], reasons), ct);
            }
        }
    }

    private static FoundVulnerability MessageOf(
        string id, VulnerabilityView? view, FoundRow[] found, Dictionary<(string, DateTimeOffset), string> reasons)
    {
        var message = new FoundVulnerability
        {
            Id = id,
            Severity = view?.Severity ?? "unknown",
            CvssVector = view?.CvssVector ?? "",
            Summary = view?.Summary ?? "",
            PublishedAt = view?.PublishedAt?.ToTimestamp(),
            ModifiedAt = view?.ModifiedAt.ToTimestamp(),
        };
        message.Aliases.AddRange(view?.Aliases ?? []);
        if (view?.Cvss is { } score)
        {
            message.Cvss = (double)score;
        }

        if (view?.Kev is { } exploited)
        {
            message.Kev = exploited;
        }

        message.Packages.AddRange(found.Select(row => new FindingOf
        {
            PackageId = row.PackageId,
            Status = row.Status,
            CuratedAt = row.CuratedAt?.ToTimestamp(),
            Reason = row.CuratedAt is { } at ? reasons.GetValueOrDefault((id, at), "")
                : row.Status == CurationStatuses.NotAffected
                    ? PlatformCuration.Of(row.Library, row.Project, row.ProvidedBy)?.Reason ?? "" : "",
            FixedIn = { row.FixedIn },
        }));
        return message;
    }

    private static readonly string FoundSql =
        $"""
        with held as materialized (
            select p.* from package_sets s cross join unnest(s.package_ids) as held(package_id)
            join packages p on p.package_id = held.package_id where s.id = @PackageSetId)
        select f.vulnerability_id, p.package_id, p.project, f.fixed_in, {CurationInForce.Status} as status,
            curation.created_at as curated_at, curation.library, curation.provided_by
        from held p join findings f on f.found_id = p.found_id
        {CurationInForce.Of("@Organization", "(select libraries from set_counts where set_id = @PackageSetId)")}
        order by f.vulnerability_id, p.package_id
        """;

    private const string ReasonsSql =
        """
        select vulnerability_id, created_at, reason from curations
        where org_id = @Organization and ended_at is null and vulnerability_id = any(@Ids)
        """;

    private sealed record FoundRow(
        string VulnerabilityId, int PackageId, string Project, string[] FixedIn, string Status, DateTimeOffset? CuratedAt, string? Library,
        string[]? ProvidedBy);

    private sealed record ReasonRow(string VulnerabilityId, DateTimeOffset CreatedAt, string Reason);
}
