using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Publishes the counts of sets that have changed, for all organizations or for one, to the environments on them.</summary>
internal static class TellEnvironments
{
    /// <summary>Environments at most that one event names.</summary>
    private const int EventSize = 500;

    /// <param name="sets">Sets that were counted again with another outcome: all environments on them are told.</param>
    /// <param name="recounted">Sets that have other counts for an organization: its environments are told, and the organization where it has none now.</param>
    /// <returns>How many environments were told.</returns>
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
        foreach (var key in told)
        {
            var known = times.TryGetValue(key, out var time) && time > counts[key].ScannedAt ? counts[key] with { ScannedAt = time } : counts[key];
            var chunks = groups[key].Chunk(EventSize).DefaultIfEmpty([]);
            foreach (var some in chunks)
            {
                tx.Publish(known.ToEvent(some));
            }
        }

        return environments.Count;
    }

    private sealed record Row(OrganizationId OrgId, long SetId, EnvironmentId EnvironmentId);
}
