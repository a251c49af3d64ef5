using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Channels;

/// <summary>A channel as the API shows it.</summary>
/// <param name="Name">As packages name it; those of its aliases and of its address are its packages too.</param>
/// <param name="Kind">public, private, local, defaults, or discovered: seen in the logs, and nobody has looked at it yet.</param>
/// <param name="Privacy">private: for the groups that have access; internal: for the organization; public: anybody's.</param>
/// <param name="Allowed">Whether environments may hold its packages; null until somebody has decided.</param>
/// <param name="Groups">How many groups have access; they count while the channel is private.</param>
/// <param name="Environments">
/// How many environments hold packages of it, archived ones too; at most so many where <paramref name="CountsExact"/> is false. Null where
/// it has not been counted yet, and for a caller who sees its own environments only.
/// </param>
/// <param name="Packages">How many packages (name, version, build and platform) of it they hold; null likewise.</param>
/// <param name="CountsExact">False where environments hold it under several of its names: one that holds two is counted twice.</param>
/// <param name="CountedAt">At which moment the numbers were those; null likewise.</param>
/// <param name="FirstSeenAt">When it was first in a log; null for never.</param>
/// <param name="Access">What the caller's groups let it do: read, write or manage; null for nothing.</param>
internal sealed record ChannelView(
    ChannelId Id, string Name, string? Url, IReadOnlyList<string> Aliases, string Kind, string Privacy, bool? Allowed, string Description,
    int Groups, long? Environments, long? Packages, bool? CountsExact, DateTimeOffset? CountedAt, DateTimeOffset? FirstSeenAt,
    string? Access, long Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>The access of <c>@Self</c> by its groups.</summary>
    private const string AccessOfSelf =
        """
        (select case max(case a.access when 'manage' then 3 when 'write' then 2 else 1 end)
                when 3 then 'manage' when 2 then 'write' when 1 then 'read' end
         from group_members own
         join channel_groups a on a.group_id = own.group_id and a.channel_id = c.id
         where own.org_id = @OrgId and own.subject_id = @Self)
        """;

    public const string Columns =
        $"""
        c.id, c.name, c.url, c.aliases, c.kind, c.privacy, c.allowed, c.description, c.groups,
        case when @SeesCounts and k.whole_at is not null then c.environments end as environments,
        case when @SeesCounts and k.whole_at is not null then c.packages end as packages,
        case when @SeesCounts and k.whole_at is not null then c.used_names < 2 end as counts_exact,
        case when @SeesCounts then k.whole_at end as counted_at, c.first_seen_at,
        {AccessOfSelf} as access, c.version, c.created_at, c.updated_at
        """;

    /// <summary>
    /// The channels <c>c</c> of <c>@OrgId</c> that the caller may know of: all where <c>@SeesAll</c>, otherwise those that are not private
    /// and those of its groups.
    /// </summary>
    public const string Visible =
        """
        from channels c
        left join channel_counts k on k.org_id = c.org_id
        where c.org_id = @OrgId and (@SeesAll or c.privacy <> 'private' or exists (
            select from group_members own
            join channel_groups a on a.group_id = own.group_id and a.channel_id = c.id
            where own.org_id = @OrgId and own.subject_id = @Self))
        """;

    public static readonly string FoldedName = Folded.Of("c.name");

    public static bool SeesAll(Caller caller) => caller.Can(Permission.ChannelsReadAll);

    /// <summary>What a member reads of environments is its own, and these are everybody's.</summary>
    public static bool SeesCounts(Caller caller) => caller.Can(Permission.EnvironmentsReadAll);

    /// <summary>As Dapper reads it.</summary>
    internal sealed record Row(
        ChannelId Id, string Name, string? Url, string[] Aliases, string Kind, string Privacy, bool? Allowed, string Description,
        int Groups, long? Environments, long? Packages, bool? CountsExact, DateTimeOffset? CountedAt, DateTimeOffset? FirstSeenAt,
        string? Access, long Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string? SortKey)
    {
        public ChannelView ToView() => new(
            Id, Name, Url, Aliases, Kind, Privacy, Allowed, Description, Groups, Environments, Packages, CountsExact, CountedAt,
            FirstSeenAt, Access, Version, CreatedAt, UpdatedAt);
    }
}
