using System.Collections.Frozen;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The roles of callers, in an organization or on the platform. A role in an organization is a set of permissions; endpoints ask for
/// permissions and never for roles.
/// </summary>
public static class Roles
{
    public const string Member = "member";

    public const string Administrator = "administrator";

    /// <summary>Reads everything, the audit log too, and changes nothing.</summary>
    public const string Auditor = "auditor";

    /// <summary>Judges environments and vulnerabilities; manages no people.</summary>
    public const string SecurityManager = "security_manager";

    /// <summary>The operator of the platform; a role in no organization.</summary>
    public const string Operator = "operator";

    /// <summary>Another service of the platform.</summary>
    public const string Service = "service";

    /// <summary>What each role of an organization may do.</summary>
    public static FrozenDictionary<string, FrozenSet<string>> Permissions { get; } =
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            [Member] =
        [
            Permission.OrganizationRead, Permission.EnvironmentsLog, Permission.EnvironmentsRead, Permission.TokensOwn,
            Permission.GroupsRead, Permission.ChannelsRead, Permission.MembersRead, Permission.MembersLeave, Permission.PoliciesRead,
        ],
            [Auditor] =
        [
            Permission.OrganizationRead, Permission.SettingsRead, Permission.EnvironmentsRead, Permission.EnvironmentsReadAll,
            Permission.PoliciesRead, Permission.PoliciesReadAll, Permission.ServiceAccountsRead, Permission.TokensOwn,
            Permission.TokensReadAll, Permission.GroupsRead, Permission.GroupsReadAll, Permission.ChannelsRead, Permission.ChannelsReadAll,
            Permission.SeatsRead, Permission.AuditRead,
            Permission.MembersRead, Permission.MembersReadAll, Permission.MembersLeave,
        ],
            [SecurityManager] =
        [
            Permission.OrganizationRead, Permission.SettingsRead, Permission.EnvironmentsLog, Permission.EnvironmentsRead,
            Permission.PoliciesRead, Permission.PoliciesReadAll, Permission.PoliciesWrite, Permission.EnvironmentsReadAll,
            Permission.EnvironmentsStatus,
            Permission.EnvironmentsArchive, Permission.VulnerabilitiesCurate, Permission.TokensOwn, Permission.GroupsRead,
            Permission.GroupsReadAll, Permission.ChannelsRead, Permission.ChannelsReadAll,
            Permission.MembersRead, Permission.MembersReadAll, Permission.MembersLeave,
        ],
            [Administrator] = [.. Permission.All.Select(permission => permission.Name)],
        }.ToFrozenDictionary(role => role.Key, role => role.Value.ToFrozenSet(StringComparer.Ordinal), StringComparer.Ordinal);

    /// <summary>The roles that a subject can have in an organization, from the least to the most.</summary>
    public static IReadOnlyList<string> OfOrganization { get; } = [Member, Auditor, SecurityManager, Administrator];

    /// <summary>The role of one service, beside that of all.</summary>
    public static string OfService(string service) => $"{Service}:{service}";

    public static bool Allow(string? role, string permission) =>
        role is not null && Permissions.TryGetValue(role, out var permissions) && permissions.Contains(permission);
}
