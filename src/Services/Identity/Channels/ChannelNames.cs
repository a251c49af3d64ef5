using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// Which names in logs mean which channel: its name, its aliases and its address, each of one channel of the organization only, whatever
/// the case. Names in logs that mean none are channels that were discovered.
/// </summary>
internal static class ChannelNames
{
    public const string Discovered = "discovered";

    /// <summary>
    /// Channels of an organization are changed by one transaction at a time: names are taken and given free, and what was discovered comes
    /// and goes with them. Readers, and whoever refers to the organization, do not wait.
    /// </summary>
    public static Task LockAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        "select from organizations where id = @organization for no key update", new { organization });

    /// <summary>
    /// Gives a channel its names. A discovered channel of one of them that nobody has access to was the same channel, and goes.
    /// </summary>
    /// <returns>The names of the discovered channels that went; null where another channel has one of the names.</returns>
    public static async Task<IReadOnlyList<string>?> TakeAsync(
        Tx tx, OrganizationId organization, ChannelId channel, IReadOnlyCollection<string> names)
    {
        await tx.ExecuteAsync(
            "delete from channel_names where org_id = @organization and channel_id = @channel", new { organization, channel });
        var others = await tx.QueryAsync<Other>(
            $"""
            select distinct c.id, c.name, c.kind, c.groups
            from unnest(@Names::text[]) as given (name)
            join channel_names n on n.org_id = @organization and n.folded = {Folded.Of("given.name")}
            join channels c on c.id = n.channel_id
            """, new { organization, Names = names.ToArray() });
        if (others.Exists(other => other.Kind != Discovered || other.Groups > 0))
        {
            return null;
        }

        await DropAsync(tx, organization, [.. others.Select(other => other.Id)]);
        await tx.ExecuteAsync(
            $"""
            insert into channel_names (org_id, folded, channel_id)
            select distinct @organization, {Folded.Of("given.name")}, @channel from unnest(@Names::text[]) as given (name)
            """, new { organization, channel, Names = names.ToArray() });
        return [.. others.Select(other => other.Name).Order(StringComparer.Ordinal)];
    }

    /// <summary>Removes channels without access of groups.</summary>
    public static async Task DropAsync(Tx tx, OrganizationId organization, Guid[] channels)
    {
        await tx.ExecuteAsync(
            "delete from channel_names where org_id = @organization and channel_id = any(@channels)", new { organization, channels });
        await tx.ExecuteAsync("delete from channels where org_id = @organization and id = any(@channels)", new { organization, channels });
    }

    /// <summary>
    /// Makes a channel of each name in logs that means none while environments hold packages of it, with an event, and gives every channel
    /// the numbers of its names.
    /// </summary>
    /// <param name="there">The organization.</param>
    public static async Task DiscoverAsync(Tx tx, Membership there, DateTimeOffset now)
    {
        var organization = there.Id;
        var news = await tx.QueryAsync<Unknown>(
            """
            select distinct on (u.folded) u.name, u.folded
            from channel_usage u
            where u.org_id = @organization and u.environments > 0
              and not exists (select from channel_names n where n.org_id = u.org_id and n.folded = u.folded)
            order by u.folded, u.name
            """, new { organization });
        var platform = Caller.OfSystem(AuthenticationFailures.Service, organization) with { Organization = there };
        var ids = news.Select(_ => ChannelId.New(now)).ToArray();
        await tx.ExecuteAsync(
            """
            insert into channels (org_id, id, name, aliases, kind, privacy, description, version, created_at, updated_at)
            select @organization, id, name, '{}', 'discovered', 'private', '', 1, @now, @now
            from unnest(@Ids::uuid[], @Names::text[]) as given (id, name)
            """, new { organization, now, Ids = ids.Select(id => id.Value).ToArray(), Names = news.Select(row => row.Name).ToArray() });
        await tx.ExecuteAsync(
            """
            insert into channel_names (org_id, folded, channel_id)
            select @organization, folded, id from unnest(@Ids::uuid[], @Folded::text[]) as given (id, folded)
            """, new { organization, Ids = ids.Select(id => id.Value).ToArray(), Folded = news.Select(row => row.Folded).ToArray() });
        for (var i = 0; i < news.Count; i++)
        {
            tx.Audit(
                platform, now, "channel_created", new(ids[i].ToString(), null, "channel"),
                $"The channel {news[i].Name} was discovered in the logs.", new { after = new { news[i].Name, kind = Discovered } });
        }

        await CountAsync(tx, organization);
    }

    private static Task<int> CountAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        """
        update channels c set
            environments = used.environments, packages = used.packages, used_names = used.names, first_seen_at = used.first_seen_at
        from (
            select n.channel_id, coalesce(sum(u.environments), 0)::bigint as environments, coalesce(sum(u.packages), 0)::bigint as packages,
                count(*) filter (where u.environments > 0)::int as names, min(u.first_seen_at) as first_seen_at
            from channel_names n
            left join channel_usage u on u.org_id = n.org_id and u.folded = n.folded
            where n.org_id = @organization
            group by n.channel_id) used
        where c.org_id = @organization and c.id = used.channel_id
          and (c.environments, c.packages, c.used_names, c.first_seen_at)
            is distinct from (used.environments, used.packages, used.names, used.first_seen_at)
        """, new { organization });

    private sealed record Other(Guid Id, string Name, string Kind, int Groups);

    private sealed record Unknown(string Name, string Folded);
}
