using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Channels;

/// <summary>A group's access to a channel.</summary>
/// <param name="Access">read, write or manage, each with what is before it.</param>
internal sealed record ChannelGrant(ChannelId ChannelId, string ChannelName, GroupId GroupId, string GroupName, string Access)
{
    private const string Select =
        """
        select a.channel_id, c.name as channel_name, a.group_id, g.name as group_name, a.access
        from channel_groups a
        join channels c on c.id = a.channel_id
        join user_groups g on g.id = a.group_id
        """;

    public InUse UseByChannel => new("channel", ChannelId.Value, ChannelName);

    public InUse UseByGroup => new("group", GroupId.Value, GroupName);

    public static Task<List<ChannelGrant>> OfGroupAsync(Tx tx, OrganizationId organization, GroupId group) => tx.QueryAsync<ChannelGrant>(
        $"{Select} where a.org_id = @organization and a.group_id = @group order by c.name, c.id", new { organization, group });

    public static Task<List<ChannelGrant>> OfChannelAsync(Tx tx, OrganizationId organization, ChannelId channel) =>
        tx.QueryAsync<ChannelGrant>(
            $"{Select} where a.org_id = @organization and a.channel_id = @channel order by g.name, g.id", new { organization, channel });

    /// <summary>Takes access away, with an event for each.</summary>
    public static async Task RemoveAllAsync(Tx tx, Caller caller, IReadOnlyCollection<ChannelGrant> grants, DateTimeOffset now)
    {
        await tx.ExecuteAsync(
            """
            delete from channel_groups a
            using unnest(@Channels::uuid[], @Groups::uuid[]) as given (channel_id, group_id)
            where a.org_id = @OrgId and a.channel_id = given.channel_id and a.group_id = given.group_id
            """,
            new
            {
                caller.OrgId,
                Channels = grants.Select(grant => grant.ChannelId.Value).ToArray(),
                Groups = grants.Select(grant => grant.GroupId.Value).ToArray(),
            });
        foreach (var grant in grants)
        {
            tx.Audit(
                caller, now, "group_unassigned_from_channel", new(grant.ChannelId.ToString(), null, "channel"),
                $"The group {grant.GroupName} has no access to the channel {grant.ChannelName} any more.",
                new { channel = grant.Channel, group = grant.Group, before = new { grant.Access } });
        }
    }

    public object Channel => new { id = ChannelId, name = ChannelName };

    public object Group => new { id = GroupId, name = GroupName };
}
