using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Identity;

/// <summary>Settings of Identity, section <c>Identity</c>.</summary>
public sealed class IdentityOptions
{
    public const string Section = "Identity";

    /// <summary>Hours for which a session, begun at sign-in, is valid.</summary>
    [Range(1, 720)]
    public int SessionHours { get; set; } = 12;

    /// <summary>Minutes after which a browser's session that is not used ends.</summary>
    [Range(5, 43_200)]
    public int SessionIdleMinutes { get; set; } = 60;

    /// <summary>Minutes for which an access token of a service account is valid.</summary>
    [Range(1, 1_440)]
    public int AccessTokenMinutes { get; set; } = 60;

    /// <summary>Minutes for which an access token of a program that somebody lets act for it is valid.</summary>
    [Range(1, 1_440)]
    public int GrantAccessTokenMinutes { get; set; } = 15;

    /// <summary>Days after which a program that did not renew its access token must be let again to act for somebody.</summary>
    [Range(1, 365)]
    public int RefreshTokenIdleDays { get; set; } = 14;

    /// <summary>Days after which every program must be let again to act for somebody.</summary>
    [Range(1, 3_650)]
    public int GrantDays { get; set; } = 90;

    /// <summary>Days for which invitations that have ended are remembered.</summary>
    [Range(1, 3_650)]
    public int EndedInvitationDays { get; set; } = 90;

    /// <summary>Days for which the first token of a new member is good.</summary>
    [Range(1, 90)]
    public int InitialTokenDays { get; set; } = 7;

    /// <summary>Days for which a token that is made after signing in, or with an initial token, is good at most.</summary>
    [Range(1, 3_650)]
    public int TokenMaxDays { get; set; } = 365;

    /// <summary>Sign-ins by password that may fail for one account in a window.</summary>
    [Range(1, 10_000)]
    public int FailedSignInsPerAccount { get; set; } = 20;

    /// <summary>
    /// Sign-ins by password that may fail from one source address in a window; an IPv6 address counts as its /64 network.
    /// </summary>
    [Range(1, 100_000)]
    public int FailedSignInsPerAddress { get; set; } = 100;

    /// <summary>Codes of devices that may be mistyped in one session of a browser in a window.</summary>
    [Range(1, 100)]
    public int WrongUserCodes { get; set; } = 5;

    /// <summary>Codes that devices behind one source address may ask for in a window.</summary>
    [Range(1, 100_000)]
    public int DeviceCodesPerAddress { get; set; } = 100;

    /// <summary>Minutes of the window in which failed sign-ins are counted.</summary>
    [Range(1, 1_440)]
    public int FailedSignInMinutes { get; set; } = 15;

    /// <summary>
    /// Passwords that one process verifies at once. By default half of its processors, so that it answers everything else.
    /// </summary>
    [Range(1, 1_000)]
    public int PasswordChecks { get; set; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Sign-ins by password that wait for their turn at most; more are answered 429.</summary>
    [Range(0, 10_000)]
    public int WaitingPasswordChecks { get; set; } = 32;

    /// <summary>Days for which expired and revoked tokens are remembered.</summary>
    [Range(1, 3_650)]
    public int VoidTokenDays { get; set; } = 30;

    /// <summary>Days for which the groups and seats of somebody who was removed, or left, can be given back.</summary>
    [Range(1, 3_650)]
    public int FormerMemberDays { get; set; } = 90;

    /// <summary>Days for which an organization that was deleted can be restored.</summary>
    [Range(1, 365)]
    public int DeletedOrganizationDays { get; set; } = 30;

    /// <summary>
    /// Issuers of CI tokens whose addresses need not be public ones, exactly as their tokens name them: those of one's own network. On the
    /// loopback address they may be without TLS. Of all others only public addresses are fetched.
    /// </summary>
    public IReadOnlyList<string> PrivateIssuers { get; set; } = [];

    /// <summary>The e-mail address of the administrator whom the first start creates.</summary>
    [EmailAddress]
    public string AdministratorEmail { get; set; } = "administrator@localhost";

    /// <summary>
    /// Write a new bootstrap file at this start, and revoke the token and password of the old one: the recovery when the file was lost.
    /// </summary>
    public bool IssueBootstrapToken { get; set; }
}
