using System.Net.Http.Headers;
using System.Text;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.ServiceAccounts;
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
        NpgsqlDataSource db, AuthenticationFailures failures, RequestOrigin origin, DateTimeOffset now, CancellationToken ct)
    {
        var account = SubjectId.TryParse(Id, out var id) ? await ServiceAccount.FindAsync(db, id, ct) : null;
        if (account is null)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "unknown_client", origin, ct);
            return null;
        }

        if (await AccountSecrets.FindAsync(db, account.Id, Secret, now, ct) is not { } secret)
        {
            await failures.RecordAsync($"client {account.Id}", account.ToCaller(origin), "bad_client_secret", origin, ct);
            return null;
        }

        return await account.AdmitAsync(failures, origin, now, ct) ? account with { SecretId = secret } : null;
    }

    private bool IsSane => Id.Length <= MaxLength && Secret.Length <= MaxLength;
}
