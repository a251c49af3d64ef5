using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Tells a gateway whose a token is and what its bearer may do in the organization that is asked about. The use of a good token is written
/// to the audit log once an hour, that of a void one as a failed authentication.
/// </summary>
internal sealed class TokensGrpc(NpgsqlDataSource db, TimeProvider clock, AuthenticationFailures failures)
    : Contracts.Identity.Tokens.TokensBase
{
    private static readonly TimeSpan LastUsedStep = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AuditStep = TimeSpan.FromHours(1);
    private static readonly IntrospectReply Inactive = new() { Active = false };

    public override async Task<IntrospectReply> Introspect(IntrospectRequest request, ServerCallContext context)
    {
        if (!SecretFormat.IsWellFormed(request.Token, SecretFormat.TokenPrefix) && !SessionCookie.IsWellFormed(request.Token))
        {
            return Inactive;
        }

        var ct = context.CancellationToken;
        var origin = new RequestOrigin("", NullIfEmpty(request.SourceAddress), NullIfEmpty(request.UserAgent));
        var asked = request.HasOrganization ? request.Organization : null;
        var rows = await db.QueryAsync<Row>(
            $"""
            select t.id as token_id, t.operator and s.operator and t.scopes is null as operator, t.scopes, t.kind, t.created_at,
                least(t.expires_at, coalesce(t.last_used_at, t.created_at) + make_interval(mins => t.idle_minutes)) as expires_at,
                t.revoked_at, t.last_used_at, t.audited_at, t.name as token_name, s.id as subject_id,
                s.type as subject_type, s.email, s.display_name,
                m.id as org_id, m.slug, m.name, m.role, m.last_active_at, m.environments_enabled, m.enforcement_paused_until,
                m.agent_fail_mode, m.session_hours, m.session_idle_minutes, m.products,
                h.id as home_id, h.slug as home_slug, h.name as home_name,
                a.id as asked_id, a.slug as asked_slug, c.expires_at as account_expires_at, c.scopes as account_scopes,
                t.allowed_ips, c.allowed_ips as account_allowed_ips, t.machine_id
            from tokens t
            join subjects s on s.id = t.subject_id
            left join service_accounts c on c.id = s.id
            left join organizations h on h.id = coalesce(
                t.org_id, (select f.org_id from active_memberships f where f.subject_id = s.id order by f.created_at, f.org_id limit 1))
            left join lateral (
                select o.id, o.slug, o.name, m.role, m.last_active_at, g.environments_enabled, g.enforcement_paused_until,
                    g.agent_fail_mode, g.session_hours, g.session_idle_minutes,
                    {Seats.ProductsOfMember} as products
                from active_memberships m
                join organizations o on o.id = m.org_id
                join organization_settings g on g.org_id = m.org_id
                where m.subject_id = s.id and (t.org_id is null or m.org_id = t.org_id) and o.deleted_at is null
                  and (t.grant_id is null or g.device_sign_in_allowed
                      or not exists (select from oauth_grants d where d.id = t.grant_id and d.method = 'device'))
                  and (@Name::text is null
                      or m.org_id = (select n.id from organizations n where n.slug = @Name or n.id = @Id order by n.id = @Id desc limit 1))
                order by m.created_at, m.org_id
                limit @Most) m on true
            left join organizations a on m.id is null and a.deleted_at is null
                and a.id = (select n.id from organizations n where n.slug = @Name or n.id = @Id order by n.id = @Id desc limit 1)
            where t.sha256 = @Sha256
            """,
            new
            {
                Sha256 = SecretFormat.Sha256(request.Token),
                Name = asked is { Length: > 0 } ? asked : null,
                Id = OrganizationId.TryParse(asked, out var id) ? id : (OrganizationId?)null,
                Most = asked is null ? (int?)null : 2,
            }, ct);
        if (rows is not [var token, ..])
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "unknown_token", origin, ct);
            return Inactive;
        }

        var now = clock.GetUtcNow();
        if (token.RevokedAt is not null || token.ExpiresAt <= now || token.AccountExpiresAt <= now)
        {
            await failures.RecordAsync(
                $"token {token.TokenId}", CallerOf(token, origin), token.RevokedAt is null ? "expired_token" : "revoked_token", origin, ct);
            return Inactive;
        }

        if (asked is not null && rows.Count == 1 && token.IsOver(now))
        {
            await failures.RecordAsync($"token {token.TokenId}", CallerOf(token, origin), "session_too_old", origin, ct);
            return Inactive;
        }

        // Told all the same: a gateway that remembers the answer lets in those addresses that are allowed. An older one refuses.
        var allowed = AllowedAddresses.Both(token.AllowedIps, token.AccountAllowedIps);
        var admitted = AllowedAddresses.Admit(allowed, origin.SourceAddress);
        if (admitted)
        {
            await NoteUseAsync(token, rows.Count == 1 ? token.OrgId : null, origin, now, ct);
        }
        else
        {
            await failures.RecordAsync($"token {token.TokenId}", CallerOf(token, origin), "address_not_allowed", origin, ct);
        }

        // Who names no organization means the only one that it has.
        return ReplyOf(token, admitted, allowed, asked is { Length: 0 } && rows.Count > 1 ? [] : rows);
    }

    /// <param name="organization">In which the token is used; null when that is not known.</param>
    private async Task NoteUseAsync(
        Row token, OrganizationId? organization, RequestOrigin origin, DateTimeOffset now, CancellationToken ct)
    {
        var today = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        var isFirstToday = organization is not null && !(token.LastActiveAt >= today);
        if (!isFirstToday && token.LastUsedAt > now - LastUsedStep && token.AuditedAt > now - AuditStep)
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        if (isFirstToday)
        {
            await tx.ExecuteAsync(
                """
                update memberships set last_active_at = @today
                where org_id = @organization and subject_id = @SubjectId and (last_active_at is null or last_active_at < @today)
                """, new { today, organization, token.SubjectId });
        }

        await tx.ExecuteAsync(
            """
            update tokens set last_used_at = @now, last_address = @SourceAddress
            where id = @TokenId and (last_used_at is null or last_used_at < @Before)
            """, new { now, token.TokenId, origin.SourceAddress, Before = now - LastUsedStep });
        var first = await tx.ExecuteAsync(
            "update tokens set audited_at = @now where id = @TokenId and (audited_at is null or audited_at < @Before)",
            new { now, token.TokenId, Before = now - AuditStep });
        if (first == 1)
        {
            var caller = CallerOf(token, origin);
            tx.Audit(
                caller, now, "authentication_success", new AuditTarget(token.TokenId.ToString(), null, "token"),
                $"{caller.DisplayName} authenticated with the token '{token.TokenName}'.", new { method = "token" });
        }

        await tx.CommitAsync();
    }

    /// <summary>The bearer, in the organization that its token is good for, or else in the one that it joined first.</summary>
    private static Caller CallerOf(Row token, RequestOrigin origin) => Caller.Of(
        token.SubjectId, token.SubjectType, token.DisplayName, origin, AuthenticationFailures.Service, token.Email, token.Operator,
        token.HomeId is { } id ? new ServiceDefaults.Callers.Membership(id, token.HomeSlug!, token.HomeName!, token.Role ?? "") : null,
        token.TokenId);

    private static IntrospectReply ReplyOf(Row token, bool admitted, string[]? allowed, List<Row> memberships)
    {
        var reply = new IntrospectReply
        {
            Active = admitted,
            Addresses = allowed is null ? null : new() { Cidr = { allowed } },
            MachineId = token.MachineId?.ToString() ?? "",
            TokenId = token.TokenId.ToString(),
            SubjectId = token.SubjectId.ToString(),
            SubjectType = token.SubjectType,
            Email = token.Email ?? "",
            DisplayName = token.DisplayName,
            Operator = token.Operator,
            ExpiresAtUnixSeconds = token.ExpiresAt?.ToUnixTimeSeconds() ?? 0,
            Scopes = token.AllScopes is { } scopes ? new() { Names = { scopes } } : null,
            Asked = token.AskedId is { } asked ? new() { OrganizationId = asked.ToString(), Slug = token.AskedSlug } : null,
        };
        reply.Memberships.AddRange(memberships.Where(row => row.OrgId is not null).Select(row => new Contracts.Identity.Membership
        {
            OrganizationId = row.OrgId!.Value.ToString(),
            Slug = row.Slug,
            Name = row.Name,
            Role = row.Role,
            EnvironmentsEnabled = row.EnvironmentsEnabled == true,
            EnforcementPausedUntilUnixSeconds = row.EnforcementPausedUntil?.ToUnixTimeSeconds() ?? 0,
            Products = { row.Products },
            AgentFailMode = row.AgentFailMode ?? "",
        }));
        return reply;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private sealed record Row(
        TokenId TokenId, bool Operator, string[]? Scopes, string Kind, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt,
        DateTimeOffset? RevokedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? AuditedAt, string TokenName, SubjectId SubjectId,
        string SubjectType, string? Email, string DisplayName,
        OrganizationId? OrgId, string? Slug, string? Name, string? Role, DateTimeOffset? LastActiveAt, bool? EnvironmentsEnabled,
        DateTimeOffset? EnforcementPausedUntil, string? AgentFailMode, int? SessionHours, int? SessionIdleMinutes, string[]? Products,
        OrganizationId? HomeId, string? HomeSlug, string? HomeName, OrganizationId? AskedId, string? AskedSlug,
        DateTimeOffset? AccountExpiresAt, string[]? AccountScopes, string[]? AllowedIps, string[]? AccountAllowedIps,
        MachineId? MachineId)
    {
        /// <summary>Those of the token and of its service account: what both leave of the role's permissions.</summary>
        public IReadOnlyList<string>? AllScopes => Scopes is null || AccountScopes is null
            ? Scopes ?? AccountScopes
            : [.. Scopes.Intersect(AccountScopes, StringComparer.Ordinal)];

        /// <summary>Whether this is a session that is older, or was idle for longer, than the organization allows.</summary>
        public bool IsOver(DateTimeOffset now) => Kind == "session" && SessionHours is { } hours && SessionIdleMinutes is { } minutes
            && (CreatedAt.AddHours(hours) <= now || (LastUsedAt ?? CreatedAt).AddMinutes(minutes) <= now);
    }
}
