using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.Directories;

/// <summary>The people, groups, channels and machines of an organization in the order in which another service reads them.</summary>
internal static class DirectoryItems
{
    /// <summary>Where a page ends: the key of its last item.</summary>
    internal sealed record Position(string Kind, Guid Id, Guid OtherId)
    {
        public static Position Start { get; } = new("", Guid.Empty, Guid.Empty);

        /// <summary>Null when it is no text of <see cref="ToString"/>.</summary>
        public static Position? Parse(string text) =>
            text.Length == 0 ? Start
            : text.Split('/') is [var kind, var id, var other] && Guid.TryParse(id, out var first) && Guid.TryParse(other, out var second)
                ? new(kind, first, second)
            : null;

        public override string ToString() => $"{Kind}/{Id}/{OtherId}";
    }

    /// <summary>
    /// What transactions since the given one changed, behind a position. Who was removed from the organization is in the groups still that
    /// it left by that: what holds for its environments is not to end because their owner lost its membership.
    /// </summary>
    public static Task<List<Row>> ReadAsync(
        NpgsqlDataSource db, OrganizationId organization, long since, Position after, int limit, CancellationToken ct) =>
        db.QueryAsync<Row>(
            """
            select c.kind, c.id, c.other_id, c.xid as version,
                coalesce(m.subject_id, g.id, i.group_id, l.id, n.id, a.group_id, h.id) is null as is_deleted,
                c.kind <> 'member' or r.subject_id is not null as is_told,
                s.email, coalesce(s.display_name, g.name, n.name, h.hostname, '') as name,
                coalesce(n.privacy <> 'private', false) as everybody, n.allowed, f.names, h.updated_at as registered_at
            from (
                select kind, id, other_id, xid from directory_changes
                where org_id = @organization and xid >= @since and (kind, id, other_id) > (@Kind, @Id, @OtherId)
                order by kind, id, other_id limit @limit) c
            left join present_memberships m on c.kind = 'subject' and m.org_id = @organization and m.subject_id = c.id
            left join subjects s on c.kind = 'subject' and s.id = c.id
            left join user_groups g on c.kind = 'group' and g.org_id = @organization and g.id = c.id
            left join group_members i on c.kind = 'member' and i.group_id = c.id and i.subject_id = c.other_id
            left join memberships r on c.kind = 'member' and r.org_id = @organization and r.subject_id = c.other_id
            left join user_groups l on c.kind = 'member' and l.id = c.id and r.removed_at is not null and c.id = any(r.left_groups)
            left join channels n on c.kind = 'channel' and n.org_id = @organization and n.id = c.id
            left join lateral (
                select array_agg(folded order by folded) as names from channel_names
                where c.kind = 'channel' and org_id = @organization and channel_id = c.id) f on true
            left join channel_groups a on c.kind = 'grant' and a.channel_id = c.id and a.group_id = c.other_id
            left join machines h on c.kind = 'machine' and h.org_id = @organization and h.id = c.id
            order by c.kind, c.id, c.other_id
            """, new { organization, since, after.Kind, after.Id, after.OtherId, limit }, ct);

    /// <param name="IsTold">
    /// False for a place in a group that ended with its service account, whose environments stay: it is as if nothing had changed.
    /// </param>
    /// <param name="RegisteredAt">Of a machine, when it was registered or said something new.</param>
    internal sealed record Row(
        string Kind, Guid Id, Guid OtherId, long Version, bool IsDeleted, bool IsTold, string? Email, string Name, bool Everybody,
        bool? Allowed, string[]? Names, DateTimeOffset? RegisteredAt)
    {
        public Position Position => new(Kind, Id, OtherId);

        public DirectoryItem ToItem()
        {
            var item = new DirectoryItem { Version = Version, Deleted = IsDeleted };
            switch (Kind)
            {
                case "subject":
                    item.Subject = new() { SubjectId = Id.ToString(), DisplayName = Name };
                    if (Email is not null)
                    {
                        item.Subject.Email = Email;
                    }

                    break;
                case "group":
                    item.Group = new() { GroupId = Id.ToString(), Name = Name };
                    break;
                case "member":
                    item.Member = new() { GroupId = Id.ToString(), SubjectId = OtherId.ToString() };
                    break;
                case "channel":
                    item.Channel = new() { ChannelId = Id.ToString(), Name = Name, Everybody = Everybody };
                    item.Channel.FoldedNames.AddRange(Names ?? []);
                    if (Allowed is { } allowed)
                    {
                        item.Channel.Allowed = allowed;
                    }

                    break;
                case "grant":
                    item.Grant = new() { ChannelId = Id.ToString(), GroupId = OtherId.ToString() };
                    break;
                default:
                    item.Machine = new() { MachineId = Id.ToString(), Hostname = Name };
                    if (RegisteredAt is { } at)
                    {
                        item.Machine.RegisteredAtUnixMicroseconds = (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
                    }

                    break;
            }

            return item;
        }
    }
}
