using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Prefixes;

namespace EnvPlatform.Policy.Statuses;

/// <summary>Where an environment is, according to Ingest. A new environment may be used.</summary>
/// <param name="Owner">Null where the source does not say; who says what it holds, says this too.</param>
/// <param name="PackageSetId">The package set that it holds; null where the source does not say.</param>
/// <param name="Platform">As conda names it; null where the source does not say.</param>
/// <param name="Version">The environment's version: older events than the stored one change nothing.</param>
internal sealed record Placement(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, MachineId MachineId, SubjectId? Owner, long? PackageSetId, string Prefix,
    string Name, string? Platform, long Version, DateTimeOffset At)
{
    /// <summary>Writes the newest placement of each environment. Doing so twice, or late, is harmless: the version decides.</summary>
    /// <returns>The places whose answers are stale once the transaction has committed.</returns>
    public static async Task<IReadOnlyCollection<Location>> ApplyAsync(Tx tx, IReadOnlyCollection<Placement> placements)
    {
        // In the order of the keys, to avoid deadlocks between instances.
        var newest = placements
            .GroupBy(placement => (placement.OrganizationId, placement.EnvironmentId))
            .Select(same => same.MaxBy(placement => placement.Version)!)
            .OrderBy(placement => placement.OrganizationId.Value).ThenBy(placement => placement.EnvironmentId.Value).ToList();
        var held = placements.Where(placement => placement.PackageSetId is not null)
            .GroupBy(placement => (placement.OrganizationId, placement.EnvironmentId))
            .ToDictionary(same => same.Key, same => same.MaxBy(placement => placement.Version)!);
        var organizations = newest.Select(placement => placement.OrganizationId.Value).ToArray();
        var environments = newest.Select(placement => placement.EnvironmentId.Value).ToArray();
        var before = await tx.QueryAsync<Place>(
            """
            select org_id, machine_id, prefix from environment_status
            where (org_id, environment_id) in (select * from unnest(@organizations, @environments)) and machine_id is not null
            order by org_id, environment_id for update
            """, new { organizations, environments });
        var changed = await tx.QueryAsync<Changed>(
            """
            insert into environment_status as s (org_id, environment_id, machine_id, owner, prefix, name, environment_version,
                placed_at, package_set_id, package_set_version, folded, platform, logged_at, set_since)
            select *
            from unnest(@organizations, @environments, @Machines, @Owners, @Prefixes, @Names, @Versions, @Times, @Sets, @SetVersions,
                @Folded, @Platforms, @LogTimes, @LogTimes)
            on conflict (org_id, environment_id) do update set
                owner = case when s.owner is null or excluded.package_set_version > s.package_set_version
                    then coalesce(excluded.owner, s.owner) else s.owner end,
                logged_at = greatest(s.logged_at, excluded.logged_at),
                set_since = case when excluded.package_set_version > s.package_set_version
                    and excluded.package_set_id is distinct from s.package_set_id then excluded.set_since else s.set_since end,
                machine_id = case when excluded.environment_version > s.environment_version then excluded.machine_id else s.machine_id end,
                prefix = case when excluded.environment_version > s.environment_version then excluded.prefix else s.prefix end,
                folded = case when excluded.environment_version > s.environment_version then excluded.folded else s.folded end,
                platform = case when excluded.environment_version > s.environment_version or s.platform is null
                    then coalesce(excluded.platform, s.platform) else s.platform end,
                name = case when excluded.environment_version > s.environment_version then excluded.name else s.name end,
                placed_at = case when excluded.environment_version > s.environment_version then excluded.placed_at else s.placed_at end,
                package_set_id = case when excluded.package_set_version > s.package_set_version then excluded.package_set_id
                    else s.package_set_id end,
                package_set_version = greatest(s.package_set_version, excluded.package_set_version),
                removed = s.removed and excluded.environment_version <= s.environment_version,
                environment_version = greatest(s.environment_version, excluded.environment_version)
            where excluded.environment_version > s.environment_version or s.owner is null
                or excluded.package_set_version > s.package_set_version
            returning org_id, environment_id
            """,
            new
            {
                organizations,
                environments,
                Machines = newest.Select(placement => placement.MachineId.Value).ToArray(),
                Owners = newest.Select(placement => SetOf(placement)?.Owner?.Value).ToArray(),
                Prefixes = newest.Select(placement => placement.Prefix).ToArray(),
                Names = newest.Select(placement => placement.Name).ToArray(),
                Versions = newest.Select(placement => placement.Version).ToArray(),
                Times = newest.Select(placement => placement.At.ToUniversalTime()).ToArray(),
                Sets = newest.Select(placement => SetOf(placement)?.PackageSetId).ToArray(),
                Folded = newest.Select(placement => PrefixIdentity.FoldedDigest(placement.Prefix)).ToArray(),
                Platforms = newest.Select(placement => placement.Platform).ToArray(),
                SetVersions = newest.Select(placement => SetOf(placement)?.Version ?? 0).ToArray(),
                LogTimes = newest.Select(placement => SetOf(placement)?.At.ToUniversalTime()).ToArray(),
            });
        await StaleDecisions.MarkEnvironmentsAsync(tx, [.. changed.Select(row => (row.OrgId, row.EnvironmentId))]);
        return
        [
            .. before.Select(place => new Location(place.OrgId, place.MachineId, place.Prefix))
                .Concat(newest.Select(placement => new Location(placement.OrganizationId, placement.MachineId, placement.Prefix)))
                .Distinct(),
        ];

        Placement? SetOf(Placement placement) => held.GetValueOrDefault((placement.OrganizationId, placement.EnvironmentId));
    }

    private sealed record Changed(OrganizationId OrgId, EnvironmentId EnvironmentId);

    private sealed record Place(OrganizationId OrgId, MachineId MachineId, string Prefix);
}
