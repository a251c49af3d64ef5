using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Products;

namespace EnvPlatform.Identity.Members;

/// <summary>A member as others see it. Who may not read all of members sees id, name and role; the rest is null.</summary>
/// <param name="State">active, suspended or removed.</param>
/// <param name="Source">How it came: invitation or operator.</param>
/// <param name="Groups">That it is in, by name.</param>
/// <param name="Products">Of which it has a seat.</param>
/// <param name="JoinedAt">When the user joined the organization.</param>
/// <param name="LastActiveAt">The day (UTC) on which it last used a token in the organization; null for never.</param>
/// <param name="Version">Grows with every change.</param>
internal sealed record MemberView(
    SubjectId Id, string DisplayName, string Role, string? Email, string? State, string? Source, IReadOnlyList<MemberView.Group>? Groups,
    IReadOnlyList<string>? Products, DateTimeOffset? JoinedAt, DateTimeOffset? LastActiveAt, DateTimeOffset? SuspendedAt,
    DateTimeOffset? RemovedAt, long? Version)
{
    internal sealed record Group(GroupId Id, string Name);

    /// <summary>All that <see cref="MemberView"/> shows, of a membership <c>m</c> and its subject <c>s</c>.</summary>
    public const string Columns =
        $"""
        s.id, s.display_name, m.role, s.email, {Member.StateOf} as state, m.source,
        array(
            select g.id from group_members own join user_groups g on g.id = own.group_id
            where own.org_id = m.org_id and own.subject_id = m.subject_id order by g.name, g.id) as group_ids,
        array(
            select g.name from group_members own join user_groups g on g.id = own.group_id
            where own.org_id = m.org_id and own.subject_id = m.subject_id order by g.name, g.id) as group_names,
        case when m.removed_at is null then {Seats.ProductsOfMember} else array[]::text[] end as products,
        m.created_at as joined_at, m.last_active_at, m.suspended_at, m.removed_at, m.version
        """;

    public MemberView OfName() => new(Id, DisplayName, Role, null, null, null, null, null, null, null, null, null, null);

    /// <summary>As Dapper reads it.</summary>
    /// <param name="SortKey">Null but in a list.</param>
    internal sealed record Row(
        SubjectId Id, string DisplayName, string Role, string Email, string State, string Source, Guid[] GroupIds, string[] GroupNames,
        string[] Products, DateTimeOffset JoinedAt, DateTimeOffset? LastActiveAt, DateTimeOffset? SuspendedAt, DateTimeOffset? RemovedAt,
        long Version, string? SortKey)
    {
        public MemberView ToView() => new(
            Id, DisplayName, Role, Email, State, Source,
            [.. GroupIds.Zip(GroupNames, (id, name) => new Group(new GroupId(id), name))], Products, JoinedAt, LastActiveAt, SuspendedAt,
            RemovedAt, Version);
    }
}
