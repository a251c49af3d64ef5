using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Explanations;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Scans;

/// <summary>The statements that store packages and their findings; all of them under the <see cref="Advisories.FindingsLock"/>.</summary>
internal static class WriteFindings
{
    /// <summary>Stores packages that are not stored yet.</summary>
    public static async Task AddPackagesAsync(Tx tx, IReadOnlyList<ScannedPackage> packages, long generation)
    {
        // In ascending order, to avoid deadlocks between instances that store overlapping packages.
        var ordered = packages.OrderBy(scanned => scanned.Package.PackageId).ToArray();
        var added = (await tx.QueryAsync<int>(
            """
            insert into packages (
                package_id, manager, channel, subdir, name, version, build, ecosystem, project, basis, basis_reason, version_order,
                    coverage, reason, generation)
            select *, @generation
            from unnest(
                @Ids, @Managers, @Channels, @Subdirs, @Names, @Versions, @Builds, @Ecosystems, @Projects, @Bases, @BasisReasons, @Orders,
                    @Coverages, @Reasons)
            on conflict (package_id) do nothing
            returning package_id
            """, new
            {
                Ids = ordered.Select(p => p.Package.PackageId).ToArray(),
                Managers = ordered.Select(p => p.Package.Manager).ToArray(),
                Channels = ordered.Select(p => p.Package.Channel).ToArray(),
                Subdirs = ordered.Select(p => p.Package.Subdir).ToArray(),
                Names = ordered.Select(p => p.Package.Name).ToArray(),
                Versions = ordered.Select(p => p.Package.Version).ToArray(),
                Builds = ordered.Select(p => p.Package.Build).ToArray(),
                Ecosystems = ordered.Select(p => p.Mapping.Ecosystem).ToArray(),
                Projects = ordered.Select(p => p.Mapping.Project).ToArray(),
                Bases = ordered.Select(p => p.Mapping.Basis).ToArray(),
                BasisReasons = ordered.Select(p => p.Mapping.Reason).ToArray(),
                Orders = ordered.Select(p => p.Mapping.Order).ToArray(),
                Coverages = ordered.Select(p => p.Coverage).ToArray(),
                Reasons = ordered.Select(p => p.Reason).ToArray(),
                generation,
            })).ToHashSet();
        // Packages that another instance has stored in the meantime already have the findings of the same generation.
        await CopyAsync(tx, ordered.Where(scanned => added.Contains(scanned.Package.PackageId)));
    }

    /// <summary>Replaces the results of stored packages.</summary>
    public static async Task ReplaceAsync(Tx tx, IReadOnlyList<ScannedPackage> packages)
    {
        await tx.ExecuteAsync(
            """
            update packages p set
                ecosystem = n.ecosystem, project = n.project, basis = n.basis, basis_reason = n.basis_reason,
                    version_order = n.version_order,
                coverage = n.coverage, reason = n.reason
            from unnest(@Ids, @Ecosystems, @Projects, @Bases, @BasisReasons, @Orders, @Coverages, @Reasons)
                as n(package_id, ecosystem, project, basis, basis_reason, version_order, coverage, reason)
            where p.package_id = n.package_id;

            delete from package_findings where package_id = any(@Ids);
            """, new
            {
                Ids = packages.Select(p => p.Package.PackageId).ToArray(),
                Ecosystems = packages.Select(p => p.Mapping.Ecosystem).ToArray(),
                Projects = packages.Select(p => p.Mapping.Project).ToArray(),
                Bases = packages.Select(p => p.Mapping.Basis).ToArray(),
                BasisReasons = packages.Select(p => p.Mapping.Reason).ToArray(),
                Orders = packages.Select(p => p.Mapping.Order).ToArray(),
                Coverages = packages.Select(p => p.Coverage).ToArray(),
                Reasons = packages.Select(p => p.Reason).ToArray(),
            });
        await CopyAsync(tx, packages);
    }

    private static async Task CopyAsync(Tx tx, IEnumerable<ScannedPackage> packages)
    {
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy package_findings (package_id, vulnerability_id, advisories, fixed_in, matches) from stdin (format binary)");
        foreach (var scanned in packages)
        {
            foreach (var finding in scanned.Findings)
            {
                await rows.StartRowAsync();
                await rows.WriteAsync(scanned.Package.PackageId, NpgsqlDbType.Integer);
                await rows.WriteAsync(finding.VulnerabilityId, NpgsqlDbType.Text);
                await rows.WriteAsync(finding.Advisories, NpgsqlDbType.Array | NpgsqlDbType.Text);
                await rows.WriteAsync(finding.FixedIn, NpgsqlDbType.Array | NpgsqlDbType.Text);
                await rows.WriteAsync(Evidence.Write(finding.Matches), NpgsqlDbType.Jsonb);
            }
        }

        await rows.CompleteAsync();
    }
}
