using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Postgres;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// The ids of packages, from memory where this process has seen them recently. Packages belong to no organization: new ones are added in a
/// short transaction of their own, so that logs of the same new packages do not wait for each other's whole transaction.
/// </summary>
internal sealed class KnownPackages(IOptions<IngestOptions> options)
{
    private readonly RecentlyUsed<PackageKey, int> _ids = new(options.Value.RememberedPackages);
    private readonly RecentlyUsed<(OrganizationId, int), bool> _described = new(options.Value.RememberedPackages);

    /// <summary>The packages' ids as far as they have any, and those that nobody has logged before.</summary>
    public async Task<(Dictionary<PackageKey, int> Found, List<PackageKey> Missing)> FindAsync(
        NpgsqlDataSource db, IReadOnlyList<ListedPackage> packages, CancellationToken ct)
    {
        var found = new Dictionary<PackageKey, int>(packages.Count);
        var missing = new List<PackageKey>();
        foreach (var package in packages)
        {
            if (_ids.TryGet(package.Key, out var id))
            {
                found[package.Key] = id;
            }
            else
            {
                missing.Add(package.Key);
            }
        }

        if (missing.Count > 0)
        {
            var rows = await db.QueryAsync<Row>(FindSql, Parameters(missing), ct);
            foreach (var row in rows)
            {
                found[row.Key] = row.PackageId;
                _ids.Add(row.Key, row.PackageId);
            }

            missing.RemoveAll(found.ContainsKey);
        }

        return (found, missing);
    }

    /// <summary>Adds packages that were missing to those that were found.</summary>
    public async Task AddAsync(NpgsqlDataSource db, List<PackageKey> missing, Dictionary<PackageKey, int> found, CancellationToken ct)
    {
        var news = missing.ToArray();
        await using var tx = await db.BeginAsync(ct);

        // A package that another transaction has added in the meantime shows in the next look-up.
        while (missing.Count > 0)
        {
            await CollectAsync(tx, AddSql, missing, found);
            if (missing.Count > 0)
            {
                await CollectAsync(tx, FindSql, missing, found);
            }
        }

        await tx.CommitAsync();
        foreach (var key in news)
        {
            _ids.Add(key, found[key]);
        }
    }

    /// <summary>Stores what this organization's logs say about the packages beyond their identity; the first value stays.</summary>
    public async Task DescribeAsync(Tx tx, OrganizationId org, IReadOnlyList<ListedPackage> packages, Dictionary<PackageKey, int> found)
    {
        var news = packages.Where(
            package => (package.Sha256 ?? package.License) is not null && !_described.TryGet((org, found[package.Key]), out _))
            .OrderBy(package => found[package.Key]).ToArray();
        if (news.Length > 0)
        {
            await tx.ExecuteAsync(
                """
                insert into organization_packages (org_id, package_id, sha256, license)
                select @org, package_id, sha256, license
                from unnest(@Ids::int[], @Sha256s::text[], @Licenses::text[]) as given (package_id, sha256, license)
                where not exists (select from organization_packages o where o.org_id = @org and o.package_id = given.package_id)
                order by package_id
                on conflict do nothing
                """,
                new
                {
                    org,
                    Ids = news.Select(package => found[package.Key]).ToArray(),
                    Sha256s = news.Select(package => package.Sha256).ToArray(),
                    Licenses = news.Select(package => package.License).ToArray(),
                });
        }
    }

    /// <summary>Call after the commit: what a transaction that rolled back wrote must not be remembered.</summary>
    public void Remember(OrganizationId org, IReadOnlyList<ListedPackage> packages, Dictionary<PackageKey, int> found)
    {
        foreach (var package in packages.Where(package => (package.Sha256 ?? package.License) is not null))
        {
            _described.Add((org, found[package.Key]), true);
        }
    }

    private static async Task CollectAsync(Tx tx, string sql, List<PackageKey> missing, Dictionary<PackageKey, int> found)
    {
        foreach (var row in await tx.QueryAsync<Row>(sql, Parameters(missing)))
        {
            found[row.Key] = row.PackageId;
        }

        missing.RemoveAll(found.ContainsKey);
    }

    private static object Parameters(List<PackageKey> keys) => new
    {
        Managers = keys.Select(key => key.Manager).ToArray(),
        Channels = keys.Select(key => key.Channel).ToArray(),
        Subdirs = keys.Select(key => key.Subdir).ToArray(),
        Names = keys.Select(key => key.Name).ToArray(),
        Versions = keys.Select(key => key.Version).ToArray(),
        Builds = keys.Select(key => key.Build).ToArray(),
    };

    private const string FindSql =
        """
        select package_id, manager, channel, subdir, name, version, build
        from unnest(@Managers::text[], @Channels::text[], @Subdirs::text[], @Names::text[], @Versions::text[], @Builds::text[])
            as given (manager, channel, subdir, name, version, build)
        join packages using (name, version, build, channel, subdir, manager)
        """;

    /// <remarks>Always in the same order, to avoid deadlocks between transactions that add the same packages.</remarks>
    private const string AddSql =
        """
        insert into packages (manager, channel, subdir, name, version, build)
        select manager, channel, subdir, name, version, build
        from unnest(@Managers::text[], @Channels::text[], @Subdirs::text[], @Names::text[], @Versions::text[], @Builds::text[])
            as given (manager, channel, subdir, name, version, build)
        order by name collate "C", version collate "C", build collate "C", channel collate "C", subdir collate "C", manager collate "C"
        on conflict do nothing
        returning package_id, manager, channel, subdir, name, version, build
        """;

    private sealed record Row(int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build)
    {
        public PackageKey Key => new(Manager, Channel, Subdir, Name, Version, Build);
    }
}
