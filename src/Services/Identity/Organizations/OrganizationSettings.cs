using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>
/// What an organization has decided for everybody in it. It binds in that organization alone, never an account in its others.
/// </summary>
/// <param name="Version">Grows by one with each change.</param>
/// <param name="EnvironmentsEnabled">False: logs are refused, activation is answered ok, and what is there stays readable.</param>
/// <param name="EnvironmentsRequired">Whether members are told that they must, not that they should, log their environments.</param>
/// <param name="DeviceSignInAllowed">Whether a code from another device signs in (RFC 8628).</param>
/// <param name="MemberTokensAllowed">Whether members may make tokens for themselves.</param>
/// <param name="TokenMaxDays">Days for which a token is good at most.</param>
/// <param name="SessionHours">Hours after which whoever signed in must do so again.</param>
/// <param name="SessionIdleMinutes">The same after minutes without a request.</param>
/// <param name="InvitationDays">Days for which an invitation can be accepted.</param>
/// <param name="AllowedEmailDomains">Whose addresses may be invited, in lower case; empty: any.</param>
/// <param name="AgentFailMode">What an agent does at an activation while the platform is away: cached, open or closed.</param>
/// <param name="RetentionDaysArchived">
/// Days after which an archived environment that is not logged any more is erased; null: never.
/// </param>
/// <param name="TimeZone">A name of the IANA database, such as Europe/Berlin: what days mean in mails.</param>
/// <param name="EnforcementPausedUntil">Until then a block warns and stops nobody; null: no pause.</param>
internal sealed record OrganizationSettings(
    long Version, bool EnvironmentsEnabled, bool EnvironmentsRequired, bool DeviceSignInAllowed, bool MemberTokensAllowed,
    int TokenMaxDays, int SessionHours, int SessionIdleMinutes, int InvitationDays, string[] AllowedEmailDomains,
    string AgentFailMode, int? RetentionDaysArchived, string TimeZone, DateTimeOffset? EnforcementPausedUntil,
    string? EnforcementPauseReason, DateTimeOffset UpdatedAt)
{
    private const string Select =
        """
        select version, environments_enabled, environments_required, device_sign_in_allowed, member_tokens_allowed, token_max_days,
            session_hours, session_idle_minutes, invitation_days, allowed_email_domains, agent_fail_mode, retention_days_archived,
            time_zone, enforcement_paused_until, enforcement_pause_reason, updated_at
        from organization_settings
        where org_id = @organization
        """;

    public static Task<OrganizationSettings> FindAsync(NpgsqlDataSource db, OrganizationId organization, CancellationToken ct) =>
        db.QuerySingleAsync<OrganizationSettings>(Select, new { organization }, ct);

    public static Task<OrganizationSettings> FindAsync(Tx tx, OrganizationId organization) =>
        tx.QuerySingleAsync<OrganizationSettings>(Select, new { organization });

    public static Task<OrganizationSettings> LockAsync(Tx tx, OrganizationId organization) =>
        tx.QuerySingleAsync<OrganizationSettings>($"{Select} for update", new { organization });

    public static Task CreateAsync(Tx tx, OrganizationId organization, bool environmentsEnabled, DateTimeOffset now) => tx.ExecuteAsync(
        "insert into organization_settings (org_id, environments_enabled, updated_at) values (@organization, @environmentsEnabled, @now)",
        new { organization, environmentsEnabled, now });
}
