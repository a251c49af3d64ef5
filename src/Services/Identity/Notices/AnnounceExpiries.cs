using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Notices;

/// <summary>
/// Tells 30, 7 and 1 days before a token, a secret of a service account or a service account ends: the audit log, and by mail the token's
/// owner, or the administrators for what is no person's. Each once, however many instances run; not what was made to last no longer.
/// </summary>
internal sealed class AnnounceExpiries(NpgsqlDataSource db, TimeProvider clock, MailSender mail) : IPeriodicWork
{
    private const int Most = 500;
    private static readonly int[] Days = [30, 7, 1];

    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(10);

    public async Task RunAsync(CancellationToken ct)
    {
        while (await AnnounceAsync(ct) == Most)
        {
        }
    }

    private async Task<int> AnnounceAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var told = await tx.QueryAsync<Ending>(
            """
            with ending as (
                select 'token' as kind, t.id, t.subject_id as owner_id, t.org_id, t.name, t.created_at, t.expires_at
                from tokens t
                where t.kind in ('initial', 'personal', 'machine') and t.revoked_at is null and t.expires_at > @now
                  and t.expires_at <= @Latest and t.org_id is not null
                union all
                select 'secret', s.id, a.id, a.org_id, a.name, s.created_at, s.expires_at
                from service_account_secrets s
                join service_accounts a on a.id = s.account_id and (a.expires_at is null or a.expires_at > @now)
                where s.expires_at > @now and s.expires_at <= @Latest
                union all
                select 'service_account', a.id, a.id, a.org_id, a.name, a.created_at, a.expires_at
                from service_accounts a
                where a.expires_at > @now and a.expires_at <= @Latest),
            due as (
                select e.*, (select min(d) from unnest(@Days) d where e.expires_at <= @now + make_interval(days => d)) as days
                from ending e
                join organizations o on o.id = e.org_id and o.deleted_at is null),
            told as (
                insert into expiry_notices (kind, credential_id, expires_at, days, told_at)
                select d.kind, d.id, d.expires_at, d.days, @now
                from due d
                where d.created_at + make_interval(days => d.days) < d.expires_at
                  and not exists (
                      select from expiry_notices n
                      where n.kind = d.kind and n.credential_id = d.id and n.expires_at = d.expires_at and n.days <= d.days)
                order by d.expires_at, d.id limit @Most
                on conflict do nothing
                returning kind, credential_id, days)
            select d.kind, d.id, d.owner_id, d.name, d.expires_at, d.days, d.org_id, o.slug, o.name as organization, s.type as owner_type,
                s.email, s.display_name
            from told t
            join due d on d.kind = t.kind and d.id = t.credential_id
            join organizations o on o.id = d.org_id
            join subjects s on s.id = d.owner_id
            order by d.expires_at, d.id
            """, new { now, Latest = now.AddDays(Days.Max()), Days, Most });
        foreach (var ending in told)
        {
            Audit(tx, ending, now);
        }

        if (mail.IsOn)
        {
            await QueueAsync(tx, told, now);
        }

        await tx.CommitAsync();
        return told.Count;
    }

    private static void Audit(Tx tx, Ending ending, DateTimeOffset now)
    {
        var caller = new OrganizationRow(ending.OrgId, ending.Slug, ending.Organization)
            .Seen(Caller.OfSystem(AuthenticationFailures.Service, ending.OrgId));
        var meta = new { ending.Name, Owner = ending.OwnerId, ending.ExpiresAt, ending.Days };
        switch (ending.Kind)
        {
            case "token":
                tx.Audit(
                    caller, now, "token_expiring", new AuditTarget(ending.Id.ToString(), null, "token"), $"{ending.What} ends soon.", meta);
                break;
            case "secret":
                tx.Audit(
                    caller, now, "service_account_secret_expiring", new AuditTarget(ending.OwnerId.ToString(), null, "service_account"),
                    $"{ending.What} ends soon.", new { ending.Name, secret_id = ending.Id, ending.ExpiresAt, ending.Days });
                break;
            default:
                tx.Audit(
                    caller, now, "service_account_expiring", new AuditTarget(ending.Id.ToString(), null, "service_account"),
                    $"{ending.What} ends soon.", meta);
                break;
        }
    }

    /// <summary>A mail for each person, with all that is told at once.</summary>
    private static async Task QueueAsync(Tx tx, List<Ending> told, DateTimeOffset now)
    {
        var lines = new List<(string Recipient, string Line)>();
        foreach (var of in told.GroupBy(ending => ending.OrgId))
        {
            var administrators = of.Any(ending => ending.IsNobodys) ? await Notice.AdministratorsAsync(tx, of.Key) : [];
            lines.AddRange(of.SelectMany(
                ending => (ending.IsNobodys ? administrators : [ending.Email!]).Select(recipient => (recipient, ending.Line))));
        }

        foreach (var of in lines.GroupBy(line => line.Recipient, line => line.Line, StringComparer.Ordinal))
        {
            await new Notice(
                of.Key, "Credentials end soon", "These end soon, and what uses them stops then:", [.. of],
                "Make another, put it where the old one is used, and end the old one. If nothing uses it any more, let it end.",
                ReturnAddress.Home).QueueAsync(tx, now);
        }
    }

    /// <summary>What ends.</summary>
    /// <param name="Kind">token, secret or service_account.</param>
    /// <param name="Name">Of the token or the service account.</param>
    /// <param name="Days">Before which it is told now.</param>
    private sealed record Ending(
        string Kind, Guid Id, SubjectId OwnerId, string Name, DateTimeOffset ExpiresAt, int Days, OrganizationId OrgId, string Slug,
        string Organization, string OwnerType, string? Email, string DisplayName)
    {
        public bool IsNobodys => OwnerType != "user" || Email is null;

        public string What => Kind switch
        {
            "token" => $"The token '{Name}' of {DisplayName}",
            "secret" => $"A secret of the service account {Name}",
            _ => $"The service account {Name}",
        };

        public string Line => $"{What} in {Organization}: {ExpiresAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC";
    }
}
