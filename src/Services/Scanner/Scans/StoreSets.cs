using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Matching;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// Stores package sets that are not stored yet: matches those of their packages that are new, and counts. The transaction shares
/// the <see cref="Advisories.FindingsLock"/>, and holds a lock on each set, so that of several instances one does the work.
/// </summary>
internal static class StoreSets
{
    private const long LockSpace = 0x5e75L << 48;

    /// <returns>How many packages were matched.</returns>
    public static async Task<int> RunAsync(
        Tx tx, AdvisoryIndex index, long generation, Dictionary<long, List<LoggedPackage>> fetched, DateTimeOffset now)
    {
        var sets = await ClaimAsync(tx, [.. fetched.Keys.Order()]);
        if (sets.Length == 0)
        {
            return 0;
        }

        var packages = sets.SelectMany(set => fetched[set]).DistinctBy(package => package.PackageId)
            .ToDictionary(package => package.PackageId);
        var known = await tx.QueryAsync<int>(
            "select package_id from packages where package_id = any(@Ids)", new { Ids = packages.Keys.ToArray() });
        foreach (var id in known)
        {
            packages.Remove(id);
        }

        if (packages.Count > 0)
        {
            await WriteFindings.AddPackagesAsync(tx, [.. packages.Values.Select(package => ScannedPackage.Of(package, index))], generation);
        }

        await using (var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy package_sets (id, package_ids) from stdin (format binary)"))
        {
            foreach (var set in sets)
            {
                await rows.StartRowAsync();
                await rows.WriteAsync(set, NpgsqlDbType.Bigint);
                await rows.WriteAsync(
                    fetched[set].Select(package => package.PackageId).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer);
            }

            await rows.CompleteAsync();
        }

        await CountSets.RunAsync(tx, sets, generation, now);
        return packages.Count;
    }

    /// <summary>Locks the sets, in ascending order, and returns those that are not stored.</summary>
    private static async Task<long[]> ClaimAsync(Tx tx, long[] sets)
    {
        if (sets.Length == 0)
        {
            return [];
        }

        await tx.ExecuteAsync(
            "select pg_advisory_xact_lock(@LockSpace + id) from unnest(@sets) with ordinality as s(id, n) order by n",
            new { LockSpace, sets });
        var stored = await tx.QueryAsync<long>("select id from package_sets where id = any(@sets)", new { sets });
        return [.. sets.Except(stored)];
    }
}
