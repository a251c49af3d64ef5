using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>A service account that signs in, by a secret or by the token of an issuer that it trusts.</summary>
/// <param name="ExpiresAt">It acts no more; null: never.</param>
internal sealed record ServiceAccount(
    SubjectId Id, string Name, OrganizationId OrgId, string Slug, string Organization, string Role, DateTimeOffset? ExpiresAt,
    string[]? AllowedIps)
{
    /// <summary>The secret that it signed in with; null where it did with none.</summary>
    public SecretId? SecretId { get; init; }

    /// <summary>The trust by which it signed in; null where it did by a secret.</summary>
    public TrustId? TrustId { get; init; }

    public static Task<ServiceAccount?> FindAsync(NpgsqlDataSource db, SubjectId id, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<ServiceAccount>(
            """
            select a.id, a.name, a.org_id, o.slug, o.name as organization, m.role, a.expires_at, a.allowed_ips
            from service_accounts a
            join organizations o on o.id = a.org_id and o.deleted_at is null
            join active_memberships m on m.org_id = a.org_id and m.subject_id = a.id
            where a.id = @id
            """, new { id }, ct);

    public Caller ToCaller(RequestOrigin origin) => Caller.Of(
        Id, "service_account", Name, origin, AuthenticationFailures.Service, organization: new Membership(OrgId, Slug, Organization, Role));

    /// <summary>Whether it may act now and from there, once it has shown who it is; failures are recorded.</summary>
    public async Task<bool> AdmitAsync(AuthenticationFailures failures, RequestOrigin origin, DateTimeOffset now, CancellationToken ct)
    {
        var reason = ExpiresAt <= now ? "expired_account"
            : AllowedAddresses.Admit(AllowedIps, origin.SourceAddress) ? null : "address_not_allowed";
        if (reason is not null)
        {
            await failures.RecordAsync($"client {Id}", ToCaller(origin), reason, origin, ct);
        }

        return reason is null;
    }

    /// <summary>
    /// An access token of the account, which ends with the account at the latest; null when the secret or trust was deleted meanwhile.
    /// </summary>
    /// <param name="how">For the audit log: <c>method</c> and what it signed in with.</param>
    public async Task<IssuedToken?> IssueAsync(
        NpgsqlDataSource db, RequestOrigin origin, TimeSpan lifetime, object how, string[]? scopes, DateTimeOffset now,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var issued = await IssueAsync(tx, origin, now + lifetime, how, scopes, now);
        if (issued is not null)
        {
            await tx.CommitAsync();
        }

        return issued;
    }

    /// <summary>The same in a transaction, which must not be committed when the answer is null.</summary>
    /// <param name="scopes">Permissions that the token is good for, at most; null: all of the account.</param>
    public async Task<IssuedToken?> IssueAsync(
        Tx tx, RequestOrigin origin, DateTimeOffset expiresAt, object how, string[]? scopes, DateTimeOffset now)
    {
        if ((SecretId is { } secret && !await AccountSecrets.NoteUseAsync(tx, secret, now))
            || (TrustId is { } trust && !await AccountTrusts.NoteUseAsync(tx, trust, now)))
        {
            return null;
        }

        var issued = await TokenStore.IssueAsync(
            tx, Id, OrgId, "access", power: false, "access token", ExpiresAt < expiresAt ? ExpiresAt : expiresAt, now,
            scopes is null ? null : new(scopes));
        await tx.ExecuteAsync(
            "update tokens set secret_id = @SecretId, trust_id = @TrustId where id = @Token", new { SecretId, TrustId, Token = issued.Id });
        tx.Audit(
            ToCaller(origin), now, "authentication_success", new AuditTarget(Id.ToString(), null, "service_account"),
            $"The service account {Name} signed in.", how);
        return issued;
    }
}
