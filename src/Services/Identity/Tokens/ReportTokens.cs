using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Machines;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Somebody found secrets of the platform where they should not be, as scanners of public code do: those that are good end at once. Anybody
/// may, because who has a secret may end it. The answer is the same whatever was posted, so that nobody learns which are good.
/// </summary>
internal static class ReportTokens
{
    private const int Most = 100;

    /// <param name="Tokens">
    /// Tokens, cookies of sessions, refresh tokens and codes of programs, client secrets and enrolment keys; whatever is none is passed
    /// over.
    /// </param>
    /// <param name="Url">Where they were found, for the audit log.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(Most)] IReadOnlyList<string> Tokens, [MaxLength(1_000)] string? Url = null);

    internal static void MapReportTokens(this IEndpointRouteBuilder api) =>
        api.MapPost("/token-reports", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(ReportTokens))
            .WithSummary("Void secrets of the platform that were found where they should not be.")
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Accepted> HandleAsync(
        Request request, RequestOrigin origin, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        foreach (var posted in request.Tokens.OfType<string>().Select(text => text.Trim()).Distinct(StringComparer.Ordinal))
        {
            await using var tx = await db.BeginAsync(ct);
            if (SecretFormat.IsWellFormed(posted, SecretFormat.TokenPrefix) || SessionCookie.IsWellFormed(posted))
            {
                await RevokeTokenAsync(tx, posted, request.Url, origin, now);
            }
            else if (SecretFormat.IsWellFormed(posted, SecretFormat.ClientSecretPrefix))
            {
                await DeleteSecretAsync(tx, posted, request.Url, origin, now);
            }
            else if (SecretFormat.IsWellFormed(posted, SecretFormat.EnrolmentKeyPrefix))
            {
                await EnrolmentKeys.RevokeReportedAsync(tx, posted, request.Url, origin, now);
            }
            else if (posted.Length is >= RevokeAnyToken.MinRefreshToken and <= RevokeAnyToken.MaxRefreshToken)
            {
                await EndGrantAsync(tx, posted, request.Url, origin, now);
            }

            await tx.CommitAsync();
        }

        return TypedResults.Accepted((string?)null);
    }

    private static async Task RevokeTokenAsync(Tx tx, string posted, string? url, RequestOrigin origin, DateTimeOffset now)
    {
        var row = await tx.QuerySingleOrDefaultAsync<TokenRow>(
            """
            with revoked as (
                update tokens set revoked_at = @now where sha256 = @Sha256 and revoked_at is null
                returning id, subject_id, org_id, name, kind, grant_id)
            select r.id, r.name, r.kind, r.subject_id, r.grant_id,
                coalesce(r.org_id, (
                    select m.org_id from active_memberships m
                    where m.subject_id = r.subject_id order by m.created_at, m.org_id limit 1)) as org_id
            from revoked r
            """, new { Sha256 = SecretFormat.Sha256(posted), now });
        if (row is null)
        {
            return;
        }

        TokenStore.Publish(tx, [row.Id], now);
        tx.Audit(await SystemOfAsync(tx, row.OrgId, origin), now, "token_revoked", new AuditTarget(row.Id.ToString(), null, "token"),
            $"The token '{row.Name}' was revoked: somebody found it where it should not be.",
            new { row.Name, row.Kind, Owner = row.SubjectId, reason = "reported", url });

        // Whoever found the access token of a program may have found its refresh token beside it.
        await EndGrantAsync(tx, row.GrantId, url, origin, now);
    }

    /// <summary>
    /// What a program holds of a grant, a refresh token or a code: it has no form by which it is told, so that it is looked up. The codes
    /// that people type in are short enough to be guessed, and are not taken.
    /// </summary>
    private static async Task EndGrantAsync(Tx tx, string posted, string? url, RequestOrigin origin, DateTimeOffset now) =>
        await EndGrantAsync(
            tx,
            await tx.QuerySingleOrDefaultAsync<Guid?>(
                "select grant_id from oauth_tokens where reference_sha256 = @Sha256 and type <> @UserCode",
                new
                {
                    Sha256 = Convert.ToBase64String(SecretFormat.Sha256(posted)),
                    OpenIddictConstants.TokenTypeIdentifiers.Private.UserCode,
                }),
            url, origin, now);

    private static async Task EndGrantAsync(Tx tx, Guid? id, string? url, RequestOrigin origin, DateTimeOffset now)
    {
        if (id is not { } grantId || await OAuthGrants.RevokeAsync(tx, [grantId], now) == 0
            || await Granted.FindAsync(tx, grantId) is not { } grant)
        {
            return;
        }

        tx.Audit(await SystemOfAsync(tx, grant.OrgId, origin), now, "token_revoked", new AuditTarget(grant.Id.ToString(), null, "grant"),
            $"{grant.DisplayName} is signed in by {grant.ClientName} no more: somebody found a token of it where it should not be.",
            new { name = grant.ClientName, grant.ClientId, kind = "grant", Owner = grant.SubjectId, reason = "reported", url });
    }

    private static async Task DeleteSecretAsync(Tx tx, string posted, string? url, RequestOrigin origin, DateTimeOffset now)
    {
        var row = await tx.QuerySingleOrDefaultAsync<SecretRow>(
            """
            select s.id, a.id as account_id, a.name, a.org_id
            from service_account_secrets s
            join service_accounts a on a.id = s.account_id
            where s.sha256 = @Sha256
            for update of s
            """, new { Sha256 = SecretFormat.Sha256(posted) });
        if (row is null || await AccountSecrets.DeleteAsync(tx, row.AccountId, row.Id, now) is not { } revoked)
        {
            return;
        }

        tx.Audit(
            await SystemOfAsync(tx, row.OrgId, origin), now, "service_account_secret_deleted",
            new AuditTarget(row.AccountId.ToString(), null, "service_account"),
            $"A secret of the service account {row.Name} was deleted: somebody found it where it should not be.",
            new { row.Name, secret_id = row.Id, tokens_revoked = revoked, reason = "reported", url });
    }

    /// <summary>Nobody known: the platform, for the organization whose secret it is, and from where it was told.</summary>
    internal static async Task<Caller> SystemOfAsync(Tx tx, OrganizationId? organization, RequestOrigin origin)
    {
        var slug = await tx.QuerySingleOrDefaultAsync<string>(
            "select slug from organizations where id = @organization", new { organization });
        return Caller.OfSystem(AuthenticationFailures.Service, null, origin) with
        {
            Organization = organization is { } id ? new Membership(id, slug!, slug!, "") : null,
        };
    }

    private sealed record TokenRow(TokenId Id, string Name, string Kind, SubjectId SubjectId, Guid? GrantId, OrganizationId? OrgId);

    private sealed record SecretRow(SecretId Id, SubjectId AccountId, string Name, OrganizationId OrgId);
}
