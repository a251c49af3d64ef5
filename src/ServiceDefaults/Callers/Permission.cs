namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// What a caller may do in an organization: the names under which endpoints ask for it, roles have it, the OpenAPI document shows it
/// (<c>x-permission</c>) and <c>GET /api/v1/roles</c> explains it. Each is an authorization policy; those that ask for no organization are
/// in <see cref="Access"/>.
/// </summary>
public static class Permission
{
    public const string OrganizationRead = "organization:read";
    public const string SettingsRead = "settings:read";
    public const string SettingsWrite = "settings:write";
    public const string EnvironmentsLog = "environments:log";
    public const string EnvironmentsRead = "environments:read";
    public const string EnvironmentsReadAll = "environments:read_all";
    public const string EnvironmentsRemoveAll = "environments:remove_all";
    public const string EnvironmentsStatus = "environments:status";
    public const string EnvironmentsArchive = "environments:archive";
    public const string VulnerabilitiesCurate = "vulnerabilities:curate";
    public const string PoliciesRead = "policies:read";
    public const string PoliciesReadAll = "policies:read_all";
    public const string PoliciesWrite = "policies:write";
    public const string MachinesWriteAll = "machines:write_all";
    public const string MembersRead = "members:read";
    public const string MembersReadAll = "members:read_all";
    public const string MembersLeave = "members:leave";
    public const string MembersWrite = "members:write";
    public const string InvitationsWrite = "invitations:write";
    public const string GroupsRead = "groups:read";
    public const string GroupsReadAll = "groups:read_all";
    public const string GroupsWrite = "groups:write";
    public const string ChannelsRead = "channels:read";
    public const string ChannelsReadAll = "channels:read_all";
    public const string ChannelsWrite = "channels:write";
    public const string SeatsRead = "seats:read";
    public const string SeatsWrite = "seats:write";
    public const string ServiceAccountsRead = "service_accounts:read";
    public const string ServiceAccountsWrite = "service_accounts:write";
    public const string EnrolmentKeysWrite = "enrolment_keys:write";
    public const string SessionsRevoke = "sessions:revoke";
    public const string TokensOwn = "tokens:own";
    public const string TokensReadAll = "tokens:read_all";
    public const string TokensRevokeAll = "tokens:revoke_all";
    public const string AuditRead = "audit:read";
    public const string AuditStream = "audit:stream";

    /// <summary>Every permission, and what it allows.</summary>
    public static IReadOnlyList<(string Name, string Description)> All { get; } =
    [
        (OrganizationRead, "See the organization's name and what of its settings binds its members."),
        (SettingsRead, "See all settings of the organization."),
        (SettingsWrite, "Change the organization's name and settings."),
        (EnvironmentsLog, "Register machines, log environments, check activations, scan, remove one's own environments and machines."),
        (EnvironmentsRead, "Read one's own environments, their packages and vulnerabilities, and what the organization holds of these."),
        (EnvironmentsReadAll, "Read the environments and machines of everybody."),
        (EnvironmentsRemoveAll, "Remove the environments of others."),
        (EnvironmentsStatus, "Warn about environments, block them, and lift that."),
        (EnvironmentsArchive, "Archive environments."),
        (VulnerabilitiesCurate, "Say what the organization holds of a vulnerability, also by a VEX document."),
        (PoliciesRead, "Validate policies, and read those that apply to one's own environments."),
        (PoliciesReadAll, "Read all policies, and what they would do."),
        (PoliciesWrite, "Make, change, assign and delete policies, and grant exceptions from them."),
        (MachinesWriteAll, "Remove the machines of others, and give them to others."),
        (MembersRead, "See the names and roles of the members."),
        (MembersReadAll, "See everything of the members, also of those who are suspended or were removed."),
        (MembersLeave, "Leave the organization."),
        (MembersWrite, "Change, suspend, remove and reinstate members."),
        (InvitationsWrite, "Invite people, and withdraw invitations."),
        (GroupsRead, "See one's own groups, who is in them and which channels they have access to."),
        (GroupsReadAll, "See all groups."),
        (GroupsWrite, "Make, change and delete groups, and say who is in them."),
        (ChannelsRead, "See the channels that are not private, and the private ones of one's groups."),
        (ChannelsReadAll, "See all channels, those discovered in logs too."),
        (ChannelsWrite, "Make, change and delete channels, and say which groups have access to them."),
        (SeatsRead, "See how many seats there are, and who has one."),
        (SeatsWrite, "Give seats, and take them."),
        (ServiceAccountsRead, "See service accounts."),
        (ServiceAccountsWrite, "Create, change and remove service accounts, their secrets and what they trust."),
        (EnrolmentKeysWrite, "Make and revoke the keys by which unattended machines register."),
        (SessionsRevoke, "End the sessions of members."),
        (TokensOwn, "Create, list and revoke one's own tokens."),
        (TokensReadAll, "List the tokens of everybody, and the sessions of members."),
        (TokensRevokeAll, "Revoke and shorten the tokens of everybody."),
        (AuditRead, "Read and follow the audit log."),
        (AuditStream, "Have the audit log sent to receivers elsewhere."),
    ];
}
