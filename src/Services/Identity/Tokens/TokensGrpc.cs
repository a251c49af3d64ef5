using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Tells a gateway whose a token is and what its bearer may do. The use of a good token is written to the audit log once an hour, that of a
/// void one as a failed authentication.
/// </summary>
internal sealed class TokensGrpc(NpgsqlDataSource db, TimeProvider clock, AuthenticationFailures failures)
    : Contracts.Identity.Tokens.TokensBase
{
    private static readonly TimeSpan LastUsedStep = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AuditStep = TimeSpan.FromHours(1);
    private static readonly IntrospectReply Inactive = new() { Active = false };

    public override async Task<IntrospectReply> Introspect(IntrospectRequest request, ServerCallContext context)
    {
        if (!SecretFormat.IsWellFormed(request.Token, SecretFormat.TokenPrefix))
        {
            return Inactive;
        }

        var ct = context.CancellationToken;
        var origin = new RequestOrigin("", NullIfEmpty(request.SourceAddress), NullIfEmpty(request.UserAgent));
        var rows = await db.QueryAsync<Row>(
            """
            select t.id as token_id, t.operator and s.operator as operator, t.expires_at, t.revoked_at, t.last_used_at, t.audited_at,
                t.name as token_name,
                s.id as subject_id, s.type as subject_type, s.email, s.display_name, o.id as org_id, o.slug, o.name, m.role
            from tokens t
            join subjects s on s.id = t.subject_id
            left join memberships m on m.subject_id = s.id and (t.org_id is null or m.org_id = t.org_id)
            left join organizations o on o.id = m.org_id
            where t.sha256 = @Sha256
            order by m.created_at, m.org_id
            """, new { Sha256 = SecretFormat.Sha256(request.Token) }, ct);
        if (rows is not [var token, ..])
        {
            await failures.RecordAsync($"address {origin.SourceAddress}", null, "unknown_token", origin, ct);
            return Inactive;
        }

        var now = clock.GetUtcNow();
        if (token.RevokedAt is not null || token.ExpiresAt <= now)
        {
            await failures.RecordAsync(
                $"token {token.TokenId}", CallerOf(rows, origin), token.RevokedAt is null ? "expired_token" : "revoked_token", origin, ct);
            return Inactive;
        }

        await NoteUseAsync(rows, origin, now, ct);
        return ReplyOf(rows);
    }

    private async Task NoteUseAsync(List<Row> rows, RequestOrigin origin, DateTimeOffset now, CancellationToken ct)
    {
        var token = rows[0];
        if (token.LastUsedAt > now - LastUsedStep && token.AuditedAt > now - AuditStep)
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "update tokens set last_used_at = @now where id = @TokenId and (last_used_at is null or last_used_at < @Before)",
            new { now, token.TokenId, Before = now - LastUsedStep });
        var first = await tx.ExecuteAsync(
            "update tokens set audited_at = @now where id = @TokenId and (audited_at is null or audited_at < @Before)",
            new { now, token.TokenId, Before = now - AuditStep });
        if (first == 1)
        {
            var caller = CallerOf(rows, origin);
            tx.Audit(
                caller, now, "authentication_success", new AuditTarget(token.TokenId.ToString(), null, "token"),
                $"{caller.DisplayName} authenticated with the token '{token.TokenName}'.", new { method = "token" });
        }

        await tx.CommitAsync();
    }

    /// <summary>The bearer, in the organization that its token is good for, or else in the one that it joined first.</summary>
    private static Caller CallerOf(List<Row> rows, RequestOrigin origin)
    {
        var token = rows[0];
        var home = token.OrgId is { } id ? new ServiceDefaults.Callers.Membership(id, token.Slug!, token.Name!, token.Role!) : null;
        return Caller.Of(
            token.SubjectId, token.SubjectType, token.DisplayName, origin, AuthenticationFailures.Service, token.Email,
            token.Operator, home, token.TokenId);
    }

    private static IntrospectReply ReplyOf(List<Row> rows)
    {
        var token = rows[0];
        var reply = new IntrospectReply
        {
            Active = true,
            TokenId = token.TokenId.ToString(),
            SubjectId = token.SubjectId.ToString(),
            SubjectType = token.SubjectType,
            Email = token.Email ?? "",
            DisplayName = token.DisplayName,
            Operator = token.Operator,
            ExpiresAtUnixSeconds = token.ExpiresAt?.ToUnixTimeSeconds() ?? 0,
        };
        reply.Memberships.AddRange(rows.Where(row => row.OrgId is not null).Select(row => new Contracts.Identity.Membership
        {
            OrganizationId = row.OrgId!.Value.ToString(),
            Slug = row.Slug,
            Name = row.Name,
            Role = row.Role,
        }));
        return reply;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private sealed record Row(
        TokenId TokenId, bool Operator, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt, DateTimeOffset? LastUsedAt,
        DateTimeOffset? AuditedAt, string TokenName, SubjectId SubjectId, string SubjectType, string? Email, string DisplayName,
        OrganizationId? OrgId, string? Slug, string? Name, string? Role);
}
