using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Identity.Members;

/// <summary>A member as others see it. Who may not read all of members sees id, name and role; the rest is null.</summary>
/// <param name="State">active, suspended or removed.</param>
/// <param name="Source">How it came: invitation or operator.</param>
/// <param name="JoinedAt">When the user joined the organization.</param>
/// <param name="LastActiveAt">The day (UTC) on which it last used a token in the organization; null for never.</param>
/// <param name="Version">Grows with every change.</param>
internal sealed record MemberView(
    SubjectId Id, string DisplayName, string Role, string? Email, string? State, string? Source, DateTimeOffset? JoinedAt,
    DateTimeOffset? LastActiveAt, DateTimeOffset? SuspendedAt, DateTimeOffset? RemovedAt, long? Version)
{
    /// <summary>All that <see cref="MemberView"/> shows, of a membership <c>m</c> and its subject <c>s</c>.</summary>
    public const string Columns =
        $"""
        s.id, s.display_name, m.role, s.email, {Member.StateOf} as state, m.source, m.created_at as joined_at, m.last_active_at,
        m.suspended_at, m.removed_at, m.version
        """;

    public MemberView OfName() => new(Id, DisplayName, Role, null, null, null, null, null, null, null, null);
}
