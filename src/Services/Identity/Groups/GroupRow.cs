using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Groups;

/// <summary>A group that a write is about, locked until the transaction ends.</summary>
internal sealed record GroupRow(GroupId Id, string Name, string Description, string Source, int Members, int Channels, long Version)
{
    /// <summary>Who may write the members and the name of a group: people here, or a directory elsewhere.</summary>
    public const string Manual = "manual";

    public AuditTarget Target => new(Id.ToString(), null, "group");

    public static Task<GroupRow?> LockAsync(Tx tx, OrganizationId organization, GroupId id) => tx.QuerySingleOrDefaultAsync<GroupRow>(
        """
        select id, name, description, source, members, channels, version from user_groups
        where org_id = @organization and id = @id for update
        """, new { organization, id });

    /// <summary>Why somebody cannot change the group here; null when it can be changed.</summary>
    public ProblemHttpResult? RefuseWrite() => Source == Manual ? null : Problems.Conflict(
        "managed_externally", $"The group is kept by {Source}: change it there.");

    /// <summary>The subject whose groups alone the caller sees; null when it sees all.</summary>
    public static SubjectId? OnlyOf(Caller caller) => caller.OnlyOwnWithout(Permission.GroupsReadAll);
}
