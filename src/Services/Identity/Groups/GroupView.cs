using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Identity.Groups;

/// <summary>A group as the API shows it.</summary>
/// <param name="Source">manual: changed here; scim or oidc: read-only here.</param>
/// <param name="Members">How many people and service accounts are in it.</param>
/// <param name="Channels">How many channels it has access to.</param>
internal sealed record GroupView(
    GroupId Id, string Name, string Description, string Source, int Members, int Channels, long Version, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public const string Columns =
        "g.id, g.name, g.description, g.source, g.members, g.channels, g.version, g.created_at, g.updated_at";

    /// <summary>The groups <c>g</c> of <c>@OrgId</c> that <c>@OnlyOf</c> is in; of everybody where that is null.</summary>
    public const string Visible =
        """
        from user_groups g
        where g.org_id = @OrgId and (@OnlyOf::uuid is null or exists (
            select from group_members own where own.org_id = g.org_id and own.subject_id = @OnlyOf and own.group_id = g.id))
        """;

    public static readonly string FoldedName = Folded.Of("g.name");
}
