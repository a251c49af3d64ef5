using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Directories;

/// <summary>
/// Stores a page of a directory, and finds whose environments are to be decided anew: only what differs from the copy counts.
/// </summary>
internal sealed class DirectoryChanges(Tx tx, OrganizationId organization)
{
    private readonly HashSet<SubjectId> _owners = [];
    private readonly HashSet<MachineId> _machines = [];
    private bool _all;

    public async Task StoreAsync(IReadOnlyCollection<DirectoryItem> items)
    {
        await StoreSubjectsAsync(Of(DirectoryItem.ItemOneofCase.Subject));
        await StoreGroupsAsync(Of(DirectoryItem.ItemOneofCase.Group));
        await StoreMembersAsync(Of(DirectoryItem.ItemOneofCase.Member));
        _all |= await ChannelCopies.StoreAsync(tx, organization, Of(DirectoryItem.ItemOneofCase.Channel));
        await StoreGrantsAsync(Of(DirectoryItem.ItemOneofCase.Grant));

        // A machine that was removed keeps its name: its environments stay, and policies name it.
        _machines.UnionWith(await MachineCopies.StoreAsync(tx, [.. Of(DirectoryItem.ItemOneofCase.Machine).Where(item => !item.Deleted)
            .Select(item => item.Machine).Select(machine => new MachineCopy(
                organization, new(Guid.Parse(machine.MachineId)), machine.Hostname,
                DateTimeOffset.UnixEpoch.AddMicroseconds(machine.RegisteredAtUnixMicroseconds)))]));

        DirectoryItem[] Of(DirectoryItem.ItemOneofCase kind) => [.. items.Where(item => item.ItemCase == kind)];
    }

    public async Task MarkAsync()
    {
        if (_all)
        {
            await StaleDecisions.MarkOrganizationAsync(tx, organization);
            return;
        }

        await StaleDecisions.MarkOwnersAsync(tx, organization, _owners);
        await MachineCopies.MarkAsync(tx, organization, _machines);
    }

    private async Task StoreSubjectsAsync(DirectoryItem[] items) =>
        _owners.UnionWith(await tx.QueryAsync<SubjectId>(
            """
            insert into subjects as s (org_id, subject_id, email, display_name, version, deleted)
            select @organization::uuid, * from unnest(@Ids::uuid[], @Emails::text[], @Names::text[], @Versions::bigint[], @Deleted::bool[])
            on conflict (org_id, subject_id) do update set
                email = excluded.email, display_name = excluded.display_name, version = excluded.version, deleted = excluded.deleted
            where (s.email, s.display_name, s.deleted) is distinct from (excluded.email, excluded.display_name, excluded.deleted)
            returning subject_id
            """,
            new
            {
                organization,
                Ids = items.Select(item => Guid.Parse(item.Subject.SubjectId)).ToArray(),
                Emails = items.Select(item => item.Subject.HasEmail ? item.Subject.Email : null).ToArray(),
                Names = items.Select(item => item.Subject.DisplayName).ToArray(),
                Versions = items.Select(item => item.Version).ToArray(),
                Deleted = items.Select(item => item.Deleted).ToArray(),
            }));

    /// <summary>Policies name groups: another name is other owners. A new one has nobody in it yet.</summary>
    private async Task StoreGroupsAsync(DirectoryItem[] items)
    {
        var parameters = new
        {
            organization,
            Ids = items.Select(item => Guid.Parse(item.Group.GroupId)).ToArray(),
            Names = items.Select(item => item.Group.Name).ToArray(),
            Versions = items.Select(item => item.Version).ToArray(),
            Deleted = items.Select(item => item.Deleted).ToArray(),
        };
        var known = await tx.QueryAsync<GroupId>(
            "select group_id from groups where org_id = @organization and group_id = any(@Ids)", parameters);
        var stored = await tx.QueryAsync<GroupId>(
            """
            insert into groups as g (org_id, group_id, name, version, deleted)
            select @organization::uuid, * from unnest(@Ids::uuid[], @Names::text[], @Versions::bigint[], @Deleted::bool[])
            on conflict (org_id, group_id) do update set
                name = case when excluded.deleted then g.name else excluded.name end, version = excluded.version, deleted = excluded.deleted
            where (g.name, g.deleted) is distinct from (excluded.name, excluded.deleted)
            returning group_id
            """, parameters);
        _all |= stored.Intersect(known).Any();
        var gone = new { organization, Gone = items.Where(item => item.Deleted).Select(item => Guid.Parse(item.Group.GroupId)).ToArray() };
        await tx.ExecuteAsync("delete from group_members where org_id = @organization and group_id = any(@Gone)", gone);
        await tx.ExecuteAsync("delete from channel_grants where org_id = @organization and group_id = any(@Gone)", gone);
    }

    private async Task StoreMembersAsync(DirectoryItem[] items)
    {
        _owners.UnionWith(await tx.QueryAsync<SubjectId>(
            """
            insert into group_members (org_id, group_id, subject_id)
            select @organization::uuid, * from unnest(@Groups::uuid[], @Subjects::uuid[]) on conflict do nothing
            returning subject_id
            """, Pairs(deleted: false)));
        _owners.UnionWith(await tx.QueryAsync<SubjectId>(
            """
            delete from group_members
            where org_id = @organization and (group_id, subject_id) in (select * from unnest(@Groups::uuid[], @Subjects::uuid[]))
            returning subject_id
            """, Pairs(deleted: true)));

        object Pairs(bool deleted)
        {
            var members = items.Where(item => item.Deleted == deleted).Select(item => item.Member).ToArray();
            return new
            {
                organization,
                Groups = members.Select(member => Guid.Parse(member.GroupId)).ToArray(),
                Subjects = members.Select(member => Guid.Parse(member.SubjectId)).ToArray(),
            };
        }
    }

    private async Task StoreGrantsAsync(DirectoryItem[] items)
    {
        _all |= await tx.ExecuteAsync(
            """
            insert into channel_grants (org_id, channel_id, group_id)
            select @organization::uuid, * from unnest(@Channels::uuid[], @Groups::uuid[]) on conflict do nothing
            """, Pairs(deleted: false)) > 0;
        _all |= await tx.ExecuteAsync(
            """
            delete from channel_grants
            where org_id = @organization and (channel_id, group_id) in (select * from unnest(@Channels::uuid[], @Groups::uuid[]))
            """, Pairs(deleted: true)) > 0;

        object Pairs(bool deleted)
        {
            var grants = items.Where(item => item.Deleted == deleted).Select(item => item.Grant).ToArray();
            return new
            {
                organization,
                Channels = grants.Select(grant => Guid.Parse(grant.ChannelId)).ToArray(),
                Groups = grants.Select(grant => Guid.Parse(grant.GroupId)).ToArray(),
            };
        }
    }
}
