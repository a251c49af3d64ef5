using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Scans;

/// <summary>The progress of a renewal: packages matched again and sets checked, each with its total.</summary>
internal readonly record struct RenewalProgress(int Packages, int PackagesTotal, int Sets, int SetsTotal);

/// <summary>
/// After the advisories have changed: matches the packages that this may affect again, recounts the sets that hold a package whose findings
/// changed, and notifies the environments on sets whose counts changed. The transaction holds the exclusive
/// <see cref="Advisories.FindingsLock"/>.
/// </summary>
internal sealed class RenewFindings(
    Tx tx, AdvisoryIndex index, long generation, DateTimeOffset now, Func<RenewalProgress, Task>? tell = null)
{
    private const int Chunk = 10_000;

    /// <summary>Maximum number of packages whose sets are found by index.</summary>
    private const int Few = 200;
    private readonly List<int> _changed = [];
    private readonly List<int> _differing = [];
    private int _packages;
    private int _looked;

    /// <summary>Packages that were matched again.</summary>
    public int Matched { get; private set; }

    /// <summary>Sets that were counted again.</summary>
    public int Recounted { get; private set; }

    /// <summary>Environments that were notified.</summary>
    public int Told { get; private set; }

    /// <summary>Matches the packages of these projects, and of these ecosystems, again.</summary>
    public async Task MatchAsync(IReadOnlyCollection<PackageIdentity> projects, string[] ecosystems)
    {
        var ids = (await tx.QueryAsync<int>(
            """
            select p.package_id from packages p join unnest(@Ecosystems, @Projects) as t(ecosystem, project) using (ecosystem, project)
            union
            select package_id from packages where ecosystem = any(@Whole)
            """, new
            {
                Ecosystems = projects.Select(project => project.Ecosystem).ToArray(),
                Projects = projects.Select(project => project.Name).ToArray(),
                Whole = ecosystems,
            })).ToArray();
        await MatchInChunksAsync(ids);
    }

    /// <summary>Matches conda packages of these names again.</summary>
    public async Task MatchNamesAsync(string[] names) => await MatchInChunksAsync(
        [.. await tx.QueryAsync<int>(
            "select package_id from packages where manager = @Conda and name = any(@names)", new { LoggedPackage.Conda, names })]);

    /// <summary>Matches every package again.</summary>
    public async Task MatchAllAsync() => await MatchInChunksAsync([.. await tx.QueryAsync<int>("select package_id from packages")]);

    /// <summary>Matches these packages again and replaces what is stored where the findings differ.</summary>
    public async Task MatchAsync(int[] packageIds)
    {
        var stored = await tx.QueryAsync<StoredPackage>(
            """
            select p.package_id, p.manager, p.channel, p.subdir, p.name, p.version, p.build, p.ecosystem, p.project, p.basis,
                p.basis_reason, p.version_order, p.coverage, p.reason, p.not_evaluable, p.found_id, f.content_sha256
            from packages p left join found f on f.id = p.found_id
            where p.package_id = any(@packageIds)
            """, new { packageIds });
        var differing = stored.OrderBy(row => row.PackageId).Select(row => (Row: row, Fresh: ScannedPackage.Of(row.Package, index)))
            .Where(pair => !pair.Row.Says(pair.Fresh)).ToArray();
        var known = (await tx.QueryAsync<StoredFinding>(
            "select found_id, vulnerability_id, provided_by from findings where found_id = any(@Found)",
            new { Found = differing.Select(pair => pair.Row.FoundId).OfType<int>().Distinct().ToArray() }))
            .ToLookup(row => row.FoundId, row => Found.CountedAs(row.VulnerabilityId, row.ProvidedBy));
        foreach (var (row, fresh) in differing)
        {
            _differing.Add(row.PackageId);
            // Another reason for the same findings is written, but nothing is counted for it.
            if (!row.CountsAs(fresh, row.FoundId is { } found ? known[found] : []))
            {
                _changed.Add(row.PackageId);
            }
        }

        await tx.ExecuteAsync(
            "update packages set generation = @generation where package_id = any(@packageIds) and generation <> @generation",
            new { packageIds, generation });
        if (differing.Length > 0)
        {
            await WriteFindings.ReplaceAsync(tx, [.. differing.Select(pair => pair.Fresh)]);
        }

        Matched += stored.Count;
    }

    private async Task MatchInChunksAsync(int[] ids)
    {
        _packages += ids.Length;
        await SayAsync(0);
        foreach (var chunk in ids.Chunk(Chunk))
        {
            await MatchAsync(chunk);
            await SayAsync(0);
        }
    }

    /// <summary>
    /// Counts the sets that hold a package that was found to differ, or one that these vulnerabilities affect, and publishes what changed.
    /// </summary>
    public async Task CountAsync(string[] vulnerabilities)
    {
        var concerned = (await tx.QueryAsync<int>(
            "select unnest(@Changed) union select package_id from package_findings where vulnerability_id = any(@vulnerabilities)",
            new { Changed = _changed.ToArray(), vulnerabilities })).ToArray();
        if (concerned.Length is > 0 and <= Few)
        {
            await CountFewAsync(concerned);
        }
        else if (concerned.Length > 0)
        {
            await CountManyAsync([.. concerned]);
        }
    }

    /// <summary>
    /// Says that the findings of packages that were found to differ changed, and those of these vulnerabilities, also where no count did.
    /// </summary>
    /// <param name="vulnerabilities">Null: any finding may have changed.</param>
    public async Task SayChangedAsync(string[]? vulnerabilities)
    {
        var concerned = vulnerabilities is null ? null : (await tx.QueryAsync<int>(
            "select unnest(@Differing) union select package_id from package_findings where vulnerability_id = any(@vulnerabilities)",
            new { Differing = _differing.ToArray(), vulnerabilities })).ToArray();
        if (concerned is null or { Length: > Few })
        {
            tx.Publish(new FindingsChanged(null, null));
        }
        else if (concerned.Length > 0)
        {
            foreach (var sets in (await SetsOfAsync(concerned)).Chunk(FindingsChanged.Most))
            {
                tx.Publish(new FindingsChanged(null, sets));
            }
        }
    }

    private Task<List<long>> SetsOfAsync(int[] packages) =>
        tx.QueryAsync<long>("select id from package_sets where package_ids && @packages", new { packages });

    /// <summary>
    /// Counts every set, and publishes it whether it changed or not: what is known has changed, or what others keep of it.
    /// </summary>
    public Task CountAllAsync() => CountManyAsync(null);

    private async Task CountFewAsync(int[] concerned)
    {
        var sets = await SetsOfAsync(concerned);
        await SayAsync(sets.Count);
        foreach (var chunk in sets.Chunk(Chunk))
        {
            await PublishAsync(chunk, await CountSets.RunAsync(tx, chunk, generation, now));
            _looked += chunk.Length;
            await SayAsync(sets.Count);
        }
    }

    /// <summary>Checks all sets: with so many packages most of them are affected, and an index would not help.</summary>
    /// <param name="concerned">Packages; null for all.</param>
    private async Task CountManyAsync(HashSet<int>? concerned)
    {
        var all = await tx.QuerySingleAsync<int>("select count(*) from package_sets");
        await SayAsync(all);
        var findings = await SetFindings.ReadAsync(tx, null);
        await tx.ExecuteAsync("declare every_set no scroll cursor for select id, package_ids from package_sets");
        while (await tx.QueryAsync<CountSets.PackageSet>($"fetch {Chunk} from every_set") is { Count: > 0 } read)
        {
            var sets = concerned is null ? read : read.FindAll(set => Array.Exists(set.PackageIds, concerned.Contains));
            if (sets.Count > 0)
            {
                long[] counted = [.. sets.Select(set => set.Id)];
                var differing = await CountSets.RunAsync(tx, sets, findings, generation, now);
                await PublishAsync(counted, concerned is null ? counted : differing);
            }

            _looked += read.Count;
            await SayAsync(all);
        }

        await tx.ExecuteAsync("close every_set");
    }

    private async Task PublishAsync(long[] counted, long[] differing)
    {
        Told += await TellEnvironments.RunAsync(tx, differing, await OrganizationCounts.RefreshAsync(tx, null, counted, now));
        Recounted += counted.Length;
    }

    private Task SayAsync(int sets) => tell?.Invoke(new(Matched, _packages, _looked, sets)) ?? Task.CompletedTask;

    private sealed record StoredFinding(int FoundId, string VulnerabilityId, string[]? ProvidedBy);

    private sealed record StoredPackage(
        int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build, string Ecosystem,
        string Project, string Basis, string? BasisReason, string VersionOrder, string Coverage, string? Reason, string[] NotEvaluable,
        int? FoundId,
        byte[]? ContentSha256)
    {
        public LoggedPackage Package => new(PackageId, Manager, Channel, Subdir, Name, Version, Build);

        public bool Says(ScannedPackage fresh) =>
            new PackageMapping(Ecosystem, Project, Basis, BasisReason, VersionOrder) == fresh.Mapping && Coverage == fresh.Coverage
                && Reason == fresh.Reason && NotEvaluable.AsSpan().SequenceEqual(fresh.NotEvaluable)
            && (fresh.Found.Content is { } content ? content.AsSpan().SequenceEqual(ContentSha256) : FoundId is null);

        /// <summary>Whether the counts of a set, and the curations that fit, are the same either way.</summary>
        public bool CountsAs(ScannedPackage fresh, IEnumerable<string> counted) =>
            Project == fresh.Mapping.Project && Coverage == fresh.Coverage
            && counted.Order(StringComparer.Ordinal)
                .SequenceEqual(fresh.Found.Counted.Order(StringComparer.Ordinal), StringComparer.Ordinal);
    }
}
