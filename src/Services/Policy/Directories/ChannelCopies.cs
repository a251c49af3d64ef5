using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Directories;

/// <summary>Stores what Identity says of channels, and of their names in logs.</summary>
internal static class ChannelCopies
{
    /// <returns>Whether something of it is new.</returns>
    public static async Task<bool> StoreAsync(Tx tx, OrganizationId organization, DirectoryItem[] items)
    {
        var known = (await tx.QueryAsync<Row>(
            """
            select c.channel_id, c.name, c.everybody, c.allowed, c.deleted,
                array(select n.folded from channel_names n where n.org_id = c.org_id and n.channel_id = c.channel_id) as names
            from channels c where c.org_id = @organization and c.channel_id = any(@Ids)
            """, new { organization, Ids = items.Select(item => Guid.Parse(item.Channel.ChannelId)).ToArray() }))
            .ToDictionary(row => row.ChannelId);
        var changed = items.Where(item => known.GetValueOrDefault(Guid.Parse(item.Channel.ChannelId))?.IsAs(item) != true).ToArray();
        var ids = changed.Select(item => Guid.Parse(item.Channel.ChannelId)).ToArray();
        await tx.ExecuteAsync(
            """
            insert into channels as c (org_id, channel_id, name, everybody, allowed, version, deleted)
            select @organization::uuid, *
            from unnest(@ids::uuid[], @Names::text[], @Everybody::bool[], @Allowed::bool[], @Versions::bigint[], @Deleted::bool[])
            on conflict (org_id, channel_id) do update set
                name = case when excluded.deleted then c.name else excluded.name end, everybody = excluded.everybody,
                allowed = excluded.allowed, version = excluded.version, deleted = excluded.deleted
            """,
            new
            {
                organization,
                ids,
                Names = changed.Select(item => item.Channel.Name).ToArray(),
                Everybody = changed.Select(item => item.Channel.Everybody).ToArray(),
                Allowed = changed.Select(item => item.Channel.HasAllowed ? item.Channel.Allowed : (bool?)null).ToArray(),
                Versions = changed.Select(item => item.Version).ToArray(),
                Deleted = changed.Select(item => item.Deleted).ToArray(),
            });
        await tx.ExecuteAsync(
            "delete from channel_names where org_id = @organization and channel_id = any(@ids)", new { organization, ids });

        // A name may have been another channel's whose page is still to come.
        var names = changed.SelectMany(
            item => item.Channel.FoldedNames, (item, folded) => (Folded: folded, Channel: Guid.Parse(item.Channel.ChannelId)))
            .DistinctBy(name => name.Folded).ToArray();
        await tx.ExecuteAsync(
            """
            insert into channel_names (org_id, folded, channel_id)
            select @organization::uuid, * from unnest(@Folded::text[], @Channels::uuid[])
            on conflict (org_id, folded) do update set channel_id = excluded.channel_id
            """,
            new
            {
                organization,
                Folded = names.Select(name => name.Folded).ToArray(),
                Channels = names.Select(name => name.Channel).ToArray(),
            });
        await tx.ExecuteAsync(
            "delete from channel_grants where org_id = @organization and channel_id = any(@Gone)",
            new { organization, Gone = changed.Where(item => item.Deleted).Select(item => Guid.Parse(item.Channel.ChannelId)).ToArray() });
        return changed.Length > 0;
    }

    private sealed record Row(Guid ChannelId, string Name, bool Everybody, bool? Allowed, bool Deleted, string[] Names)
    {
        public bool IsAs(DirectoryItem item) =>
            Deleted == item.Deleted
            && (Deleted || (Name == item.Channel.Name && Everybody == item.Channel.Everybody
                && Allowed == (item.Channel.HasAllowed ? item.Channel.Allowed : null)))
            && Names.ToHashSet(StringComparer.Ordinal).SetEquals(item.Channel.FoldedNames);
    }
}
