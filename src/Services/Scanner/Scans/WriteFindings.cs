using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Explanations;

using Npgsql;

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
        var found = await KeepAsync(tx, ordered);
        await tx.ExecuteAsync(
            """
            insert into packages (
                package_id, manager, channel, subdir, name, version, build, ecosystem, project, basis, basis_reason, version_order,
                    coverage, reason, found_id, generation, not_evaluable)
            select id, manager, channel, subdir, name, version, build, ecosystem, project, basis, basis_reason, version_order, coverage,
                reason, found_id, @generation, coalesce(string_to_array(not_evaluable, e'\n'), '{}')
            from unnest(
                @Ids, @Managers, @Channels, @Subdirs, @Names, @Versions, @Builds, @Ecosystems, @Projects, @Bases, @BasisReasons, @Orders,
                    @Coverages, @Reasons, @Found, @NotEvaluable)
                as n(id, manager, channel, subdir, name, version, build, ecosystem, project, basis, basis_reason, version_order, coverage,
                    reason, found_id, not_evaluable)
            on conflict (package_id) do nothing
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
                Found = found,
                NotEvaluable = ordered.Select(Lines).ToArray(),
                generation,
            });
    }

    /// <summary>Replaces the results of stored packages.</summary>
    public static async Task ReplaceAsync(Tx tx, IReadOnlyList<ScannedPackage> packages)
    {
        var found = await KeepAsync(tx, packages);
        await tx.ExecuteAsync(
            """
            update packages p set
                ecosystem = n.ecosystem, project = n.project, basis = n.basis, basis_reason = n.basis_reason,
                    version_order = n.version_order,
                coverage = n.coverage, reason = n.reason, found_id = n.found_id,
                not_evaluable = coalesce(string_to_array(n.not_evaluable, e'\n'), '{}')
            from unnest(@Ids, @Ecosystems, @Projects, @Bases, @BasisReasons, @Orders, @Coverages, @Reasons, @Found, @NotEvaluable)
                as n(package_id, ecosystem, project, basis, basis_reason, version_order, coverage, reason, found_id, not_evaluable)
            where p.package_id = n.package_id
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
                Found = found,
                NotEvaluable = packages.Select(Lines).ToArray(),
            });
    }

    // An array of arrays must be rectangular. Ids hold no line breaks: the parser of a feed refuses control characters in them.
    private static string? Lines(ScannedPackage package) =>
        package.NotEvaluable.Length == 0 ? null : string.Join('\n', package.NotEvaluable);

    /// <summary>
    /// Forgets what is found in no package any more. Under the exclusive lock: nobody else can be about to point a package at it.
    /// </summary>
    public static Task ForgetUnusedAsync(Tx tx) =>
        tx.ExecuteAsync("delete from found f where not exists (select from packages p where p.found_id = f.id)");

    /// <summary>Stores what was found in the packages, each content once.</summary>
    /// <returns>For each package the row of what was found in it; null where nothing was.</returns>
    private static async Task<int?[]> KeepAsync(Tx tx, IReadOnlyList<ScannedPackage> packages)
    {
        var contents = packages.Select(scanned => scanned.Found).Where(found => found.Content is not null)
            .DistinctBy(found => Key(found.Content!)).ToDictionary(found => Key(found.Content!), StringComparer.Ordinal);
        if (contents.Count == 0)
        {
            return new int?[packages.Count];
        }

        // In one order, so that two instances that find the same wait for each other and never in a circle.
        var hashes = contents.Values.Select(found => found.Content!).ToArray();
        var added = await tx.QueryAsync<Row>(
            """
            insert into found (content_sha256) select content from unnest(@hashes) as given(content) order by content
            on conflict (content_sha256) do nothing
            returning id, content_sha256
            """, new { hashes });
        await CopyAsync(tx, added.Select(row => (row.Id, contents[Key(row.ContentSha256)])));

        // A statement of its own: it sees what another instance has committed while the one before waited for it.
        var ids = (await tx.QueryAsync<Row>(
            "select id, content_sha256 from found where content_sha256 = any(@hashes)", new { hashes }))
            .ToDictionary(row => Key(row.ContentSha256), row => row.Id, StringComparer.Ordinal);
        return [.. packages.Select(scanned => scanned.Found.Content is { } content ? ids[Key(content)] : (int?)null)];
    }

    private static string Key(byte[] content) => Convert.ToHexString(content);

    private static async Task CopyAsync(Tx tx, IEnumerable<(int Id, Found Found)> contents)
    {
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy findings (found_id, vulnerability_id, advisories, fixed_in, matches, library, provided_by) from stdin (format binary)");
        foreach (var (id, found) in contents)
        {
            foreach (var finding in found.Findings())
            {
                await rows.StartRowAsync();
                await rows.WriteAsync(id, NpgsqlDbType.Integer);
                await rows.WriteAsync(finding.VulnerabilityId, NpgsqlDbType.Text);
                await rows.WriteAsync(finding.Advisories, NpgsqlDbType.Array | NpgsqlDbType.Text);
                await rows.WriteAsync(finding.FixedIn, NpgsqlDbType.Array | NpgsqlDbType.Text);
                await rows.WriteAsync(Evidence.Write(finding.Matches), NpgsqlDbType.Jsonb);
                await WriteAsync(rows, finding.Library, NpgsqlDbType.Text);
                await WriteAsync(rows, finding.ProvidedBy, NpgsqlDbType.Array | NpgsqlDbType.Text);
            }
        }

        await rows.CompleteAsync();
    }

    private static Task WriteAsync<T>(NpgsqlBinaryImporter rows, T? value, NpgsqlDbType type)
        where T : class => value is null ? rows.WriteNullAsync() : rows.WriteAsync(value, type);

    private sealed record Row(int Id, byte[] ContentSha256);
}
