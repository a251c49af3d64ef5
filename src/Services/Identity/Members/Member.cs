using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// A user's membership, in whatever state, locked until the transaction ends together with those of all administrators. Every path by which
/// an organization could lose its last administrator begins here.
/// </summary>
/// <param name="State">active, suspended or removed.</param>
internal sealed record Member(
    SubjectId Id, string Email, string DisplayName, string Role, string State, DateTimeOffset? RemovedAt, bool IsUser, long Version)
{
    public const string Active = "active";
    public const string Suspended = "suspended";
    public const string Removed = "removed";

    /// <summary>The state of a membership <c>m</c>.</summary>
    public const string StateOf =
        "case when m.removed_at is not null then 'removed' when m.suspended_at is not null then 'suspended' else 'active' end";

    private const string Select =
        $"""
        select s.id, coalesce(s.email, '') as email, s.display_name, m.role, {StateOf} as state, m.removed_at, s.type = 'user' as is_user,
            m.version
        from memberships m
        join subjects s on s.id = m.subject_id
        where m.org_id = @organization
        """;

    /// <summary>The only one who counts as an administrator: active, and a user.</summary>
    public bool IsLastAdministrator { get; private init; }

    /// <summary>Whether whoever acts is an active administrator still, whatever its token said when the request came.</summary>
    public bool IsManaged { get; private init; }

    public AuditTarget Target => new(Id.ToString(), Email, "user");

    /// <summary>Null when the user has never been a member.</summary>
    public static async Task<Member?> LockAsync(Tx tx, OrganizationId organization, SubjectId id, SubjectId actor)
    {
        // All in one order, so that two who act on each other wait and do not deadlock; who waits sees what the other has done.
        var members = await tx.QueryAsync<Member>(
            $"""
            {Select} and (m.subject_id in (@id, @actor) or (
                m.role = 'administrator' and s.type = 'user' and m.suspended_at is null and m.removed_at is null))
            order by m.subject_id
            for no key update of m
            """, new { organization, id, actor });
        if (members.Find(candidate => candidate.Id == id) is not { IsUser: true } member)
        {
            return null;
        }

        return member with
        {
            IsLastAdministrator = member.IsAdministrator && members.Count(one => one.IsAdministrator) == 1,
            IsManaged = members.Exists(
                one => one.Id == actor && one.State == Active && Roles.Allow(one.Role, Permission.MembersWrite)),
        };
    }

    /// <summary>The membership of one person, locked; null when the person has never been a member.</summary>
    public static Task<Member?> LockOneAsync(Tx tx, OrganizationId organization, SubjectId id) => tx.QuerySingleOrDefaultAsync<Member>(
        $"{Select} and m.subject_id = @id for no key update of m", new { organization, id });

    public static ProblemHttpResult LastAdministrator() =>
        Problems.Conflict("last_administrator", "The organization would have no administrator.");

    /// <summary>The answer to whom <see cref="IsManaged"/> does not hold for.</summary>
    public static ProblemHttpResult NotAllowed() =>
        Problems.Of(StatusCodes.Status403Forbidden, "forbidden", "Not allowed.", "The caller's role does not allow this.");

    public static ProblemHttpResult WrongState(string detail) => Problems.Conflict("member_state", detail);

    private bool IsAdministrator => IsUser && State == Active && Role == Roles.Administrator;
}
