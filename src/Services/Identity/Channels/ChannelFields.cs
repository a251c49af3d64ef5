using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Identity.Channels;

/// <summary>What an administrator says of a channel: what can change, and what the audit log shows before and after.</summary>
internal sealed record ChannelFields(
    string Name, string? Url, IReadOnlyList<string> Aliases, string Kind, string Privacy, bool? Allowed, string Description)
{
    /// <summary>The names in logs that mean this channel.</summary>
    public IReadOnlyList<string> AllNames() => [Name, .. Aliases, .. Url is null ? Array.Empty<string>() : [Url]];

    /// <summary>Trimmed and composed, without repeats.</summary>
    public static IReadOnlyList<string> Kept(IEnumerable<string> aliases) =>
        [.. aliases.Select(ResourceNameAttribute.Normalize).Distinct(StringComparer.Ordinal)];

    /// <summary>As the agent names the channels of other hosts: without a slash at the end. Null for none.</summary>
    public static string? Kept(string? url) => url?.Trim().TrimEnd('/') is { Length: > 0 } kept ? kept : null;

    /// <summary>Who may see a channel of a kind where nobody says.</summary>
    public static string UsualPrivacy(string kind) => kind switch
    {
        "public" or "defaults" => "public",
        "local" => "internal",
        _ => "private",
    };

    public static Task<Row?> LockAsync(Tx tx, OrganizationId organization, ChannelId id) => tx.QuerySingleOrDefaultAsync<Row>(
        """
        select id, name, url, aliases, kind, privacy, allowed, description, groups, environments, version from channels
        where org_id = @organization and id = @id for update
        """, new { organization, id });

    internal sealed record Row(
        ChannelId Id, string Name, string? Url, string[] Aliases, string Kind, string Privacy, bool? Allowed, string Description,
        int Groups, long Environments, long Version)
    {
        public ChannelFields Fields => new(Name, Url, Aliases, Kind, Privacy, Allowed, Description);
    }
}
