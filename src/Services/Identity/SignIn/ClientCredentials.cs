using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// The client's id and secret on a request to the OAuth endpoints: HTTP Basic, or <c>client_id</c> and <c>client_secret</c> in the form,
/// never both (RFC 6749 section 2.3.1).
/// </summary>
internal sealed record ClientCredentials(string Id, string Secret, bool Basic)
{
    private const int MaxLength = 200;

    /// <summary>False when the request has malformed credentials, or two pairs of them.</summary>
    public static bool TryRead(HttpRequest http, IFormCollection form, out ClientCredentials? credentials)
    {
        credentials =
            form.TryGetValue("client_secret", out var secret) ? new(form["client_id"].ToString(), secret.ToString(), Basic: false) : null;
        if (!AuthenticationHeaderValue.TryParse(http.Headers.Authorization.ToString(), out var header)
            || !header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            return credentials is null || credentials.IsSane;
        }

        var buffer = new byte[MaxLength * 4];
        if (credentials is not null || !Convert.TryFromBase64String(header.Parameter ?? "", buffer, out var written))
        {
            return false;
        }

        var pair = Encoding.UTF8.GetString(buffer, 0, written).Split(':', 2);
        if (pair.Length != 2)
        {
            return false;
        }

        credentials = new(
            Uri.UnescapeDataString(pair[0].Replace('+', ' ')), Uri.UnescapeDataString(pair[1].Replace('+', ' ')), Basic: true);
        return credentials.IsSane;
    }

    /// <summary>The service account whose secret this is; failures are recorded.</summary>
    public async Task<ServiceAccount?> FindAsync(
        NpgsqlDataSource db, AuthenticationFailures failures, RequestOrigin origin, CancellationToken ct)
    {
        var account = SubjectId.TryParse(Id, out var id)
            ? await db.QuerySingleOrDefaultAsync<ServiceAccount>(
                """
                select a.id, a.name, a.secret_sha256, a.org_id, o.slug, o.name as organization, m.role
                from service_accounts a
                join organizations o on o.id = a.org_id and o.deleted_at is null
                join memberships m on m.org_id = a.org_id and m.subject_id = a.id
                where a.id = @id
                """, new { id }, ct)
            : null;
        if (account is null)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "unknown_client", origin, ct);
            return null;
        }

        if (!SecretFormat.IsWellFormed(Secret, SecretFormat.ClientSecretPrefix)
            || !CryptographicOperations.FixedTimeEquals(SecretFormat.Sha256(Secret), account.SecretSha256))
        {
            await failures.RecordAsync($"client {account.Id}", account.ToCaller(origin), "bad_client_secret", origin, ct);
            return null;
        }

        return account;
    }

    private bool IsSane => Id.Length <= MaxLength && Secret.Length <= MaxLength;

    internal sealed record ServiceAccount(
        SubjectId Id, string Name, byte[] SecretSha256, OrganizationId OrgId, string Slug, string Organization, string Role)
    {
        public Caller ToCaller(RequestOrigin origin)
        {
            return Caller.Of(
                Id, "service_account", Name, origin, AuthenticationFailures.Service,
                organization: new Membership(OrgId, Slug, Organization, Role));
        }
    }
}
