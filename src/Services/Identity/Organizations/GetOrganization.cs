using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>The organization as every member may know it: its name, and what of its settings binds members.</summary>
internal static class GetOrganization
{
    /// <param name="TokenMaxDays">Days for which a member's token is good at most.</param>
    public sealed record Response(
        OrganizationId Id, string Slug, string Name, DateTimeOffset CreatedAt, bool EnvironmentsEnabled, bool EnvironmentsRequired,
        bool DeviceSignInAllowed, bool MemberTokensAllowed, int TokenMaxDays, string AgentFailMode,
        DateTimeOffset? EnforcementPausedUntil);

    internal static void MapGetOrganization(this IEndpointRouteBuilder organizations) =>
        organizations.MapGet("/{org}", HandleAsync).RequireAuthorization(Permission.OrganizationRead).WithName(nameof(GetOrganization))
            .WithSummary("The organization, and what of its settings binds its members.");

    internal static Task<Response> FindAsync(NpgsqlDataSource db, OrganizationId organization, DateTimeOffset now, CancellationToken ct) =>
        db.QuerySingleAsync<Response>(
            """
            select o.id, o.slug, o.name, o.created_at, g.environments_enabled, g.environments_required, g.device_sign_in_allowed,
                g.member_tokens_allowed, g.token_max_days, g.agent_fail_mode,
                case when g.enforcement_paused_until > @now then g.enforcement_paused_until end as enforcement_paused_until
            from organizations o
            join organization_settings g on g.org_id = o.id
            where o.id = @organization
            """, new { organization, now }, ct);

    private static async Task<Ok<Response>> HandleAsync(Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
        TypedResults.Ok(await FindAsync(db, caller.OrgId, clock.GetUtcNow(), ct));
}
