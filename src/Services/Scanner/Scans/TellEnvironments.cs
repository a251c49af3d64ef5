using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Publishes the counts of sets that have changed, for all organizations or for one, to the environments on them.</summary>
internal static class TellEnvironments
{
    /// <param name="sets">Sets whose counts changed: all environments on them are notified.</param>
    /// <param name="recounted">
    /// Sets whose counts for an organization changed: its environments are notified, or the organization where it has none any more.
    /// </param>
    /// <returns>How many environments were notified.</returns>
    public static async Task<int> RunAsync(Tx tx, long[] sets, IReadOnlyCollection<RecountedSet> recounted)
    {
        if (sets.Length == 0 && recounted.Count == 0)
        {
            return 0;
        }

        var environments = await tx.QueryAsync<Row>(
            """
            select org_id, set_id, environment_id from environments where set_id = any(@sets) and visible
            union
            select e.org_id, e.set_id, e.environment_id
            from unnest(@Orgs, @Recounted) as r(org_id, set_id) join environments e on e.org_id = r.org_id and e.set_id = r.set_id
            where e.visible
            order by org_id, set_id, environment_id
            """, new
            {
                sets,
                Orgs = recounted.Select(one => one.OrgId.Value).ToArray(),
                Recounted = recounted.Select(one => one.SetId).ToArray(),
            });
        var groups = environments.ToLookup(row => (row.OrgId, row.SetId), row => row.EnvironmentId);
        var times = recounted.ToDictionary(one => (one.OrgId, one.SetId), one => one.ToldAt);
        var told = groups.Select(group => group.Key).Union(times.Keys).ToArray();
        var counts = await SetCounts.ReadAsync(tx, told);
        foreach (var organization in told.GroupBy(key => key.OrgId))
        {
            var scanned = organization.Select(key => (
                Counts: times.TryGetValue(key, out var time) && time > counts[key].ScannedAt
                    ? counts[key] with { ScannedAt = time }
                    : counts[key],
                Environments: groups[key].ToArray()));
            Publish(tx, organization.Key, scanned);
        }

        return environments.Count;
    }

    /// <summary>As few events as their size allows; a set with many environments is split over several.</summary>
    private static void Publish(Tx tx, OrganizationId organization, IEnumerable<(SetCounts Counts, EnvironmentId[] Environments)> sets)
    {
        var parts = sets.SelectMany(
            set => set.Environments.Chunk(EnvironmentScanned.Most).DefaultIfEmpty([]), (set, some) => set.Counts.For(some));
        var next = new List<ScannedSet>();
        var named = 0;
        foreach (var part in parts)
        {
            if (next.Count == EnvironmentScanned.Most || named + part.Environments.Count > EnvironmentScanned.Most)
            {
                tx.Publish(new EnvironmentScanned(organization, next));
                (next, named) = ([], 0);
            }

            next.Add(part);
            named += part.Environments.Count;
        }

        tx.Publish(new EnvironmentScanned(organization, next));
    }

    private sealed record Row(OrganizationId OrgId, long SetId, EnvironmentId EnvironmentId);
}
