using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// After an import has changed which ids are aliases: each verdict follows the ids that it was made for. It applies to the vulnerability of
/// the first of them (the CVE id where there was one) that still exists: so it follows a vulnerability to a new name, and where one is
/// split in two it stays with the one of its best-known id, and the other one is reported again.
/// </summary>
internal static class FollowAliases
{
    /// <summary>The transaction holds the exclusive <see cref="Advisories.FindingsLock"/>, and has written the new names.</summary>
    /// <param name="gone">Vulnerabilities that are about to be deleted.</param>
    /// <returns>The vulnerabilities whose verdict changed or ended.</returns>
    public static async Task<string[]> RunAsync(Tx tx, string[] gone) =>
        [.. (await tx.QueryAsync<Moved>(
            """
            with resolved as (
                select c.org_id, c.id, c.vulnerability_id as before, (
                    select n.vulnerability_id
                    from unnest(c.names) with ordinality as own(name, place) join vulnerability_names n on n.name = own.name
                    where n.vulnerability_id <> all(@gone)
                    order by own.place, n.vulnerability_id limit 1) as after
                from curations c where c.ended_at is null)
            update curations c set vulnerability_id = r.after
            from resolved r
            where c.org_id = r.org_id and c.id = r.id and r.before is distinct from r.after
            returning r.before, r.after
            """, new { gone })).SelectMany(moved => new[] { moved.Before, moved.After }).OfType<string>().Distinct(StringComparer.Ordinal)];

    private sealed record Moved(string? Before, string? After);
}
