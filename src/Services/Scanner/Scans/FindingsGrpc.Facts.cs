using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Vulnerabilities;

using Google.Protobuf.WellKnownTypes;

using Grpc.Core;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Other services ask what decisions need of many sets: in one snapshot, each package, finding and vulnerability once.</summary>
internal sealed partial class FindingsGrpc
{
    /// <summary>A message may have 4 MiB: a vulnerability has up to a thousand aliases, a set up to 50,000 packages.</summary>
    private const int VulnerabilitiesInPage = 100;
    private const int SetsInPage = 10;

    public override async Task GetFacts(
        GetFactsRequest request, IServerStreamWriter<FactsPage> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        var organizations = request.Organizations.Select(
            one => OrganizationId.TryParse(one.OrganizationId, out var id)
                ? id.Value : throw new RpcException(new Status(StatusCode.InvalidArgument, "An organization is not an id."))).ToArray();
        var ct = context.CancellationToken;
        var now = clock.GetUtcNow();
        var facts = await ReadFactsAsync(request, organizations, ct);
        await responseStream.WriteAsync(new FactsPage { AsOf = now.ToTimestamp() }, ct);
        await SendAsync(facts.Sets, SetsInPage, (page, row) => page.Sets.Add(
            new SetPackages { PackageSetId = row.Id, PackageIds = { row.PackageIds } }));
        await SendAsync(facts.Packages, PageSize, (page, row) => page.Packages.Add(row.ToMessage()));
        await SendAsync(facts.Findings, PageSize, (page, row) => page.Findings.Add(
            new FindingFact { FoundId = row.FoundId, VulnerabilityId = row.VulnerabilityId, FixedIn = { row.FixedIn } }));
        await SendAsync(facts.Vulnerabilities, VulnerabilitiesInPage, (page, row) => page.Vulnerabilities.Add(row.ToMessage()));
        var places = organizations.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        await SendAsync(facts.Statuses, PageSize, (page, row) => page.Statuses.Add(row.ToMessage(places[row.OrgId])));

        async Task SendAsync<T>(List<T> rows, int inPage, Action<FactsPage, T> add)
        {
            foreach (var chunk in rows.Chunk(inPage))
            {
                var page = new FactsPage();
                foreach (var row in chunk)
                {
                    add(page, row);
                }

                await responseStream.WriteAsync(page, ct);
            }
        }
    }

    /// <summary>
    /// In one snapshot, so that what is told later is never older than what was told before; the connection is free again before anything
    /// is sent.
    /// </summary>
    private async Task<ReadFacts> ReadFactsAsync(GetFactsRequest request, Guid[] organizations, CancellationToken ct)
    {
        await using var snapshot = await db.BeginSnapshotAsync(ct);
        var sets = await snapshot.QueryAsync<SetRow>(
            "select id, package_ids from package_sets where id = any(@New)", new { New = request.NewPackageSetIds.ToArray() });
        var packages = await snapshot.QueryAsync<PackageRow>(
            """
            select package_id, manager, channel, subdir, name, version, build, coverage, found_id from packages
            where package_id in (select unnest(package_ids) from package_sets where id = any(@Sets))
            """, new { Sets = request.Organizations.SelectMany(one => one.PackageSetIds).Distinct().ToArray() });
        var findings = await snapshot.QueryAsync<FindingRow>(
            "select found_id, vulnerability_id, fixed_in from findings where found_id = any(@Found)",
            new { Found = packages.Select(row => row.FoundId).OfType<int>().Distinct().ToArray() });
        var vulnerabilities = await snapshot.QueryAsync<VulnerabilityRow>(
            $"""
            select v.id, v.aliases[1:1000] as aliases, v.cvss, v.severity, v.epss, {VulnerabilityView.KevSql} as kev, v.published_at
            from vulnerabilities v where v.id = any(@Ids)
            """, new { Ids = findings.Select(row => row.VulnerabilityId).Distinct(StringComparer.Ordinal).ToArray() });
        var statuses = await snapshot.QueryAsync<StatusRow>(StatusesSql, new
        {
            Orgs = request.Organizations.SelectMany((one, i) => one.PackageSetIds.Select(_ => organizations[i])).ToArray(),
            Sets = request.Organizations.SelectMany(one => one.PackageSetIds).ToArray(),
            Distinct = organizations,
        });
        return new(sets, packages, findings, vulnerabilities, statuses);
    }

    /// <summary>Only what somebody may have judged is looked at set by set.</summary>
    private static readonly string StatusesSql =
        $"""
        with curated as materialized (
            select distinct org_id, vulnerability_id from curations
            where ended_at is null and vulnerability_id is not null and org_id = any(@Distinct)),
        judged as materialized (
            select p.package_id, f.vulnerability_id
            from findings f join packages p on p.found_id = f.found_id
            where f.provided_by is not null or f.vulnerability_id in (select vulnerability_id from curated)),
        held as materialized (
            select t.org_id, t.set_id, j.package_id, j.vulnerability_id
            from unnest(@Orgs, @Sets) as t(org_id, set_id) join package_sets s on s.id = t.set_id
            cross join unnest(s.package_ids) as one(package_id) join judged j on j.package_id = one.package_id)
        select h.org_id, h.set_id, h.package_id, h.vulnerability_id, {CurationInForce.Status} as status
        from held h join packages p on p.package_id = h.package_id
        join findings f on f.found_id = p.found_id and f.vulnerability_id = h.vulnerability_id
        join set_counts c on c.set_id = h.set_id
        {CurationInForce.Of("h.org_id", "c.libraries")}
        where curation.status is not null
        """;

    private sealed record ReadFacts(
        List<SetRow> Sets, List<PackageRow> Packages, List<FindingRow> Findings, List<VulnerabilityRow> Vulnerabilities,
        List<StatusRow> Statuses);

    private sealed record SetRow(long Id, int[] PackageIds);

    private sealed record PackageRow(
        int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build, string Coverage,
        int? FoundId)
    {
        public PackageFact ToMessage()
        {
            var message = new PackageFact
            {
                PackageId = PackageId,
                Manager = Manager,
                Channel = Channel,
                Subdir = Subdir,
                Name = Name,
                Version = Version,
                Build = Build,
                Coverage = Coverage,
            };
            if (FoundId is { } found)
            {
                message.FoundId = found;
            }

            return message;
        }
    }

    private sealed record FindingRow(int FoundId, string VulnerabilityId, string[] FixedIn);

    private sealed record VulnerabilityRow(
        string Id, string[] Aliases, decimal? Cvss, string Severity, decimal? Epss, bool? Kev, DateTimeOffset? PublishedAt)
    {
        public VulnerabilityFact ToMessage()
        {
            var message = new VulnerabilityFact
            {
                VulnerabilityId = Id,
                Severity = Severity,
                PublishedAt = PublishedAt?.ToTimestamp(),
                Aliases = { Aliases },
            };
            if (Cvss is { } score)
            {
                message.Cvss = (double)score;
            }

            if (Epss is { } probability)
            {
                message.Epss = (double)probability;
            }

            if (Kev is { } exploited)
            {
                message.Kev = exploited;
            }

            return message;
        }
    }

    private sealed record StatusRow(Guid OrgId, long SetId, int PackageId, string VulnerabilityId, string Status)
    {
        public StatusFact ToMessage(int organization) => new()
        {
            Organization = organization,
            PackageSetId = SetId,
            PackageId = PackageId,
            VulnerabilityId = VulnerabilityId,
            Status = Status,
        };
    }
}
