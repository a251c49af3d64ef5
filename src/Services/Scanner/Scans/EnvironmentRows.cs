using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>An environment and its new package set.</summary>
internal sealed record PlacedEnvironment(
    OrganizationId OrgId, EnvironmentId EnvironmentId, MachineId MachineId, SubjectId Owner, string Prefix, string Name, string Platform,
    long SetId, long Version)
{
    public static PlacedEnvironment Of(EnvironmentLogged logged) => new(
        logged.OrganizationId, logged.EnvironmentId, logged.MachineId, logged.Owner, logged.Prefix, logged.Name,
        logged.Platform, logged.PackageSetId, logged.Version);
}

/// <summary>Stores where environments are. An event that is older than the stored state changes nothing.</summary>
internal static class EnvironmentRows
{
    /// <param name="again">Whether to return also environments that did not move.</param>
    /// <returns>The environments that are now where the events say.</returns>
    public static async Task<HashSet<(OrganizationId, EnvironmentId)>> PlaceAsync(
        Tx tx, IEnumerable<PlacedEnvironment> environments, bool again = false)
    {
        var latest = environments.NewestBy(one => (one.OrgId.Value, one.EnvironmentId.Value), one => one.Version);
        var placed = await tx.QueryAsync<Row>(
            """
            insert into environments as e (
                org_id, environment_id, machine_id, owner, prefix, name, platform, set_id, logged_version, name_version)
            select org_id, environment_id, machine_id, owner, prefix, name, platform, set_id, version, version
            from unnest(@Orgs, @Ids, @Machines, @Owners, @Prefixes, @Names, @Platforms, @Sets, @Versions)
                as n(org_id, environment_id, machine_id, owner, prefix, name, platform, set_id, version)
            on conflict (org_id, environment_id) do update set
                machine_id = excluded.machine_id, owner = excluded.owner, platform = excluded.platform, set_id = excluded.set_id,
                logged_version = excluded.logged_version,
                prefix = case when excluded.name_version > e.name_version then excluded.prefix else e.prefix end,
                name = case when excluded.name_version > e.name_version then excluded.name else e.name end,
                name_version = greatest(excluded.name_version, e.name_version)
            where excluded.logged_version > e.logged_version
                or (@again and excluded.logged_version = e.logged_version and excluded.set_id = e.set_id)
            returning org_id, environment_id
            """, new
            {
                Orgs = latest.Select(one => one.OrgId.Value).ToArray(),
                Ids = latest.Select(one => one.EnvironmentId.Value).ToArray(),
                Machines = latest.Select(one => one.MachineId.Value).ToArray(),
                Owners = latest.Select(one => one.Owner.Value).ToArray(),
                Prefixes = latest.Select(one => one.Prefix).ToArray(),
                Names = latest.Select(one => one.Name).ToArray(),
                Platforms = latest.Select(one => one.Platform).ToArray(),
                Sets = latest.Select(one => one.SetId).ToArray(),
                Versions = latest.Select(one => one.Version).ToArray(),
                again,
            });
        return [.. placed.Select(row => (row.OrgId, row.EnvironmentId))];
    }

    private sealed record Row(OrganizationId OrgId, EnvironmentId EnvironmentId);
}
