using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Groups;

/// <summary>Who is in which group: the statements of more than one slice, with their events.</summary>
internal static class GroupMembers
{
    /// <summary>A member or a service account of the organization.</summary>
    /// <param name="Type">user or service_account.</param>
    public sealed record Person(SubjectId Id, string Type, string? Email, string DisplayName)
    {
        internal AuditTarget Target => new(Id.ToString(), Email, Type);
    }

    /// <summary>A group that somebody left.</summary>
    public sealed record Left(GroupId Id, string Name);

    /// <summary>Those of the subjects that are in the organization.</summary>
    public static Task<List<Person>> FindAsync(Tx tx, OrganizationId organization, IReadOnlyCollection<SubjectId> subjects) =>
        tx.QueryAsync<Person>(
            """
            select s.id, s.type, s.email, s.display_name
            from present_memberships m
            join subjects s on s.id = m.subject_id
            where m.org_id = @organization and m.subject_id = any(@Ids)
            order by s.id
            """, new { organization, Ids = subjects.Select(subject => subject.Value).Distinct().ToArray() });

    /// <summary>Puts people into a group; nothing happens to those that are in it.</summary>
    public static async Task AddAsync(Tx tx, Caller caller, GroupRow group, IReadOnlyCollection<Person> people, DateTimeOffset now)
    {
        var added = await tx.QueryAsync<SubjectId>(
            """
            insert into group_members (org_id, group_id, subject_id, added_at)
            select @OrgId, @GroupId, subject_id, @now from unnest(@Ids::uuid[]) as given (subject_id)
            on conflict do nothing
            returning subject_id
            """, new { caller.OrgId, GroupId = group.Id, Ids = Ids(people), now });
        Audit(tx, caller, now, "user_added_to_group", group, people.Where(person => added.Contains(person.Id)), "was put into");
    }

    /// <summary>Takes people out of a group.</summary>
    /// <returns>Who was in it.</returns>
    public static async Task<HashSet<SubjectId>> RemoveAsync(
        Tx tx, Caller caller, GroupRow group, IReadOnlyCollection<Person> people, DateTimeOffset now)
    {
        var removed = (await tx.QueryAsync<SubjectId>(
            "delete from group_members where org_id = @OrgId and group_id = @GroupId and subject_id = any(@Ids) returning subject_id",
            new { caller.OrgId, GroupId = group.Id, Ids = Ids(people) })).ToHashSet();
        Audit(tx, caller, now, "user_removed_from_group", group, people.Where(person => removed.Contains(person.Id)), "was taken out of");
        return removed;
    }

    /// <summary>
    /// Puts somebody who comes into the organization into those of the groups that are there still and are kept here, with their events.
    /// </summary>
    /// <param name="caller">Who lets it in, in the organization.</param>
    /// <returns>The names of the groups that it is in now; fewer than were asked for where groups were deleted meanwhile.</returns>
    public static async Task<IReadOnlyList<string>> JoinAsync(
        Tx tx, Caller caller, SubjectId subject, IReadOnlyCollection<GroupId> groups, DateTimeOffset now)
    {
        if (groups.Count == 0)
        {
            return [];
        }

        var rows = await tx.QueryAsync<GroupRow>(
            """
            select id, name, description, source, members, channels, version from user_groups
            where org_id = @OrgId and id = any(@Ids) and source = 'manual' order by id for update
            """, new { caller.OrgId, Ids = groups.Select(group => group.Value).Distinct().ToArray() });
        var people = await FindAsync(tx, caller.OrgId, [subject]);
        foreach (var row in rows)
        {
            await AddAsync(tx, caller, row, people, now);
        }

        return [.. rows.Select(row => row.Name)];
    }

    /// <summary>Takes somebody who leaves the organization out of all its groups. The event of its leaving names them.</summary>
    /// <returns>The groups, for whoever lets it come back.</returns>
    public static async Task<IReadOnlyList<Left>> LeaveAsync(Tx tx, OrganizationId organization, SubjectId subject) =>
        await tx.QueryAsync<Left>(
            """
            with gone as (
                delete from group_members where org_id = @organization and subject_id = @subject returning group_id)
            select g.id, g.name from gone join user_groups g on g.id = gone.group_id order by g.id
            """, new { organization, subject });

    private static Guid[] Ids(IEnumerable<Person> people) => [.. people.Select(person => person.Id.Value)];

    private static void Audit(
        Tx tx, Caller caller, DateTimeOffset now, string action, GroupRow group, IEnumerable<Person> people, string what)
    {
        foreach (var person in people)
        {
            tx.Audit(
                caller, now, action, person.Target, $"{person.DisplayName} {what} the group {group.Name}.",
                new { group = new { group.Id, group.Name }, user = new { person.Id, name = person.DisplayName } });
        }
    }
}
