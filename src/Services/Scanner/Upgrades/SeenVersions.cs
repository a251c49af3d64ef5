using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Repodata;

using Npgsql;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>The versions of conda packages that an organization has logged from the same channels: they exist, or existed.</summary>
internal static class SeenVersions
{
    /// <param name="packages">Names and canonical channels.</param>
    public static async Task<ILookup<(string Name, string? Channel), string>> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, CondaChannels channels,
        IReadOnlyCollection<(string Name, string? Channel)> packages, CancellationToken ct)
    {
        var rows = packages.Count == 0 ? [] : await db.QueryAsync<Row>(
            """
            select distinct p.name, p.channel, p.version from packages p
            where p.manager = 'conda' and p.name = any(@Names) and p.version <> '' and p.channel <> '' and exists (
                select from package_sets s join environments e on e.set_id = s.id
                where s.package_ids @> array[p.package_id] and e.org_id = @organization and e.visible)
            """, new { organization, Names = packages.Select(package => package.Name).Distinct(StringComparer.Ordinal).ToArray() }, ct);
        return rows.ToLookup(row => (row.Name, RepodataChannels.NameOf(channels, row.Channel)), row => row.Version);
    }

    private sealed record Row(string Name, string Channel, string Version);
}
