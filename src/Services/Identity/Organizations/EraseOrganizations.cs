using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>
/// Ends organizations that were deleted long enough ago: memberships, invitations, service accounts and machines are dropped and tokens
/// revoked; other services hear of it and delete their rows. The row of the organization stays and keeps the slug, and the audit log
/// stays. Of several instances one does it.
/// </summary>
internal sealed class EraseOrganizations(NpgsqlDataSource db, TimeProvider clock, IOptions<IdentityOptions> options) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(30);

    public async Task RunAsync(CancellationToken ct)
    {
        while (await EraseOneAsync(ct))
        {
        }
    }

    /// <summary>What refers to memberships and to each other, in the order in which it can go.</summary>
    private const string EraseBelongings =
        """
        delete from seat_reservations where org_id = @Id;
        delete from seats where org_id = @Id;
        delete from products where org_id = @Id;
        delete from channel_groups where org_id = @Id;
        delete from channel_names where org_id = @Id;
        delete from channels where org_id = @Id;
        delete from channel_usage where org_id = @Id;
        delete from channel_counts where org_id = @Id;
        delete from group_members where org_id = @Id;
        delete from user_groups where org_id = @Id;
        """;

    private async Task<bool> EraseOneAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var organization = await tx.QuerySingleOrDefaultAsync<OrganizationRow>(
            """
            update organizations set erased_at = @now
            where id = (
                select id from organizations where deleted_at <= @Before and erased_at is null
                order by deleted_at limit 1 for update skip locked)
            returning id, slug, name
            """, new { now, Before = now.AddDays(-options.Value.DeletedOrganizationDays) });
        if (organization is null)
        {
            return false;
        }

        await tx.ExecuteAsync(EraseBelongings, new { organization.Id });
        var members = await tx.ExecuteAsync("delete from memberships where org_id = @Id", new { organization.Id });
        await tx.ExecuteAsync("delete from enrolment_keys where org_id = @Id", new { organization.Id });
        await tx.ExecuteAsync("delete from service_accounts where org_id = @Id", new { organization.Id });
        await tx.ExecuteAsync("delete from invitations where org_id = @Id", new { organization.Id });
        await tx.ExecuteAsync("delete from machines where org_id = @Id", new { organization.Id });
        await tx.ExecuteAsync("delete from directory_changes where org_id = @Id", new { organization.Id });
        var tokens = await tx.QueryAsync<TokenId>(
            "update tokens set revoked_at = @now where org_id = @Id and revoked_at is null returning id", new { now, organization.Id });
        await tx.ExecuteAsync("delete from oauth_grants where org_id = @Id", new { organization.Id });
        TokenStore.Publish(tx, tokens, now);
        tx.Publish(new OrganizationErased(organization.Id, now));
        tx.Audit(
            organization.Seen(Caller.OfSystem(AuthenticationFailures.Service, organization.Id)), now, "organization_erased",
            new AuditTarget(organization.Id.ToString(), null, "organization"), $"Organization {organization.Slug} was erased.",
            new { organization.Slug, members, tokens_revoked = tokens.Count });
        await tx.CommitAsync();
        return true;
    }
}
