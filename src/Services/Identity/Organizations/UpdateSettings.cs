using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>
/// An administrator changes settings of the organization: those that the request names. In force everywhere within a second; tokens,
/// sessions and invitations that are there keep what they were given.
/// </summary>
internal static partial class UpdateSettings
{
    private const int MaxDomains = 100;
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(24);

    /// <param name="RetentionDaysArchived">0: archived environments are kept for good.</param>
    /// <param name="TimeZone">A name of the IANA database, such as Europe/Berlin.</param>
    /// <param name="EnforcementPausedUntil">
    /// Until then blocks stop nobody: at most 24 hours from now, and only with a reason. A time that is past ends a pause.
    /// </param>
    public sealed record Request(
        bool? EnvironmentsEnabled = null, bool? EnvironmentsRequired = null, bool? DeviceSignInAllowed = null,
        bool? MemberTokensAllowed = null, [Range(1, 3_650)] int? TokenMaxDays = null, [Range(1, 720)] int? SessionHours = null,
        [Range(5, 43_200)] int? SessionIdleMinutes = null, [Range(1, 30)] int? InvitationDays = null,
        [MaxLength(MaxDomains)] IReadOnlyList<string>? AllowedEmailDomains = null,
        [AllowedValues("cached", "open", "closed", null)] string? AgentFailMode = null, [Range(0, 3_650)] int? RetentionDaysArchived = null,
        [MinLength(1), MaxLength(100)] string? TimeZone = null, DateTimeOffset? EnforcementPausedUntil = null,
        [MinLength(1), MaxLength(500)] string? EnforcementPauseReason = null);

    /// <param name="TokensOverLimit">
    /// Tokens of the organization that are good for longer than <c>token_max_days</c> from now: a lower limit does not shorten them.
    /// </param>
    public sealed record Response(OrganizationSettings Settings, long TokensOverLimit);

    internal static void MapUpdateSettings(this IEndpointRouteBuilder organizations) =>
        organizations.MapPatch("/{org}/settings", HandleAsync).RequireAuthorization(Permission.SettingsWrite)
            .WithName(nameof(UpdateSettings)).WithSummary("Change settings of the organization: those that the body names.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status412PreconditionFailed)
            .ProducesProblem(StatusCodes.Status428PreconditionRequired);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (Check(request, now) is { } invalid)
        {
            return invalid;
        }

        await using var tx = await db.BeginAsync(ct);
        var before = await OrganizationSettings.LockAsync(tx, caller.OrgId);
        if (ifMatch.Refuse(before.Version, required: true) is { } refusal)
        {
            return refusal;
        }

        var after = Apply(request, before, now);
        if (Changes.Between(before, after) is { } changes)
        {
            after = after with { Version = before.Version + 1, UpdatedAt = now };
            await StoreAsync(tx, caller.OrgId, after);
            await new OrganizationRow(caller.OrgId, caller.Organization!.Slug, caller.Organization.Name).ForgetAsync(tx, now);
            if (after.RetentionDaysArchived != before.RetentionDaysArchived)
            {
                tx.Publish(new ArchiveRetentionChanged(caller.OrgId, after.RetentionDaysArchived, after.Version, now));
            }

            tx.Audit(
                caller, now, "organization_updated", new AuditTarget(caller.OrgId.ToString(), null, "organization"),
                $"{caller.DisplayName} changed settings of {caller.Organization.Slug}: {string.Join(", ", changes.Changed)}.", changes);
        }

        var over = await tx.QuerySingleAsync<long>(
            """
            select count(*) from tokens
            where org_id = @OrgId and kind in ('initial', 'personal') and revoked_at is null
              and (expires_at is null or expires_at > @Latest)
            """, new { caller.OrgId, Latest = now.AddDays(after.TokenMaxDays) });
        await tx.CommitAsync();
        IfMatch.Tell(http, after.Version);
        return TypedResults.Ok(new Response(after, over));
    }

    private static ProblemHttpResult? Check(Request request, DateTimeOffset now)
    {
        var latest = now + LongestPause;
        if (request.EnforcementPausedUntil is { } until && until > now && (until > latest || request.EnforcementPauseReason is null))
        {
            return until > latest
                ? Problems.Invalid("enforcement_paused_until", "Must not be more than 24 hours away.")
                : Problems.Invalid("enforcement_pause_reason", "Say why blocks are to stop nobody for a while.");
        }

        if (request.EnforcementPauseReason is not null && !(request.EnforcementPausedUntil > now))
        {
            return Problems.Invalid("enforcement_pause_reason", "Is the reason of a pause: give enforcement_paused_until too.");
        }

        if (request.TimeZone is { } zone && !IsTimeZone(zone))
        {
            return Problems.Invalid("time_zone", $"'{zone}' is no time zone of the IANA database, such as Europe/Berlin or UTC.");
        }

        return request.AllowedEmailDomains?.FirstOrDefault(name => !Domain().IsMatch(name)) is { } bad
            ? Problems.Invalid("allowed_email_domains", $"'{bad}' is no domain name, such as example.org.")
            : null;
    }

    /// <summary>The system's zone, and Windows' names of zones, are not in the IANA database.</summary>
    private static bool IsTimeZone(string name) =>
        name is not ("localtime" or "posixrules") && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) && zone.HasIanaId
        && string.Equals(zone.Id, name, StringComparison.Ordinal);

    private static OrganizationSettings Apply(Request request, OrganizationSettings before, DateTimeOffset now)
    {
        var after = before with
        {
            EnvironmentsEnabled = request.EnvironmentsEnabled ?? before.EnvironmentsEnabled,
            EnvironmentsRequired = request.EnvironmentsRequired ?? before.EnvironmentsRequired,
            DeviceSignInAllowed = request.DeviceSignInAllowed ?? before.DeviceSignInAllowed,
            MemberTokensAllowed = request.MemberTokensAllowed ?? before.MemberTokensAllowed,
            TokenMaxDays = request.TokenMaxDays ?? before.TokenMaxDays,
            SessionHours = request.SessionHours ?? before.SessionHours,
            SessionIdleMinutes = request.SessionIdleMinutes ?? before.SessionIdleMinutes,
            InvitationDays = request.InvitationDays ?? before.InvitationDays,
            AllowedEmailDomains = request.AllowedEmailDomains is { } domains
                ? [.. domains.Select(name => name.ToLowerInvariant()).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
                : before.AllowedEmailDomains,
            AgentFailMode = request.AgentFailMode ?? before.AgentFailMode,
            RetentionDaysArchived = request.RetentionDaysArchived switch
            {
                null => before.RetentionDaysArchived,
                0 => null,
                { } days => days,
            },
            TimeZone = request.TimeZone ?? before.TimeZone,
        };
        return request.EnforcementPausedUntil is not { } until ? after
            : until > now
                ? after with { EnforcementPausedUntil = until.ToUniversalTime(), EnforcementPauseReason = request.EnforcementPauseReason }
            : after with { EnforcementPausedUntil = null, EnforcementPauseReason = null };
    }

    private static Task<int> StoreAsync(Tx tx, OrganizationId organization, OrganizationSettings after) => tx.ExecuteAsync(
        """
        update organization_settings set
            version = @Version, environments_enabled = @EnvironmentsEnabled, environments_required = @EnvironmentsRequired,
            device_sign_in_allowed = @DeviceSignInAllowed, member_tokens_allowed = @MemberTokensAllowed, token_max_days = @TokenMaxDays,
            session_hours = @SessionHours, session_idle_minutes = @SessionIdleMinutes, invitation_days = @InvitationDays,
            allowed_email_domains = @AllowedEmailDomains, agent_fail_mode = @AgentFailMode,
            retention_days_archived = @RetentionDaysArchived, time_zone = @TimeZone,
            enforcement_paused_until = @EnforcementPausedUntil, enforcement_pause_reason = @EnforcementPauseReason,
            updated_at = @UpdatedAt
        where org_id = @organization
        """,
        new
        {
            organization,
            after.Version,
            after.EnvironmentsEnabled,
            after.EnvironmentsRequired,
            after.DeviceSignInAllowed,
            after.MemberTokensAllowed,
            after.TokenMaxDays,
            after.SessionHours,
            after.SessionIdleMinutes,
            after.InvitationDays,
            after.AllowedEmailDomains,
            after.AgentFailMode,
            after.RetentionDaysArchived,
            after.TimeZone,
            after.EnforcementPausedUntil,
            after.EnforcementPauseReason,
            after.UpdatedAt,
        });

    [GeneratedRegex(
        @"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Domain();
}
