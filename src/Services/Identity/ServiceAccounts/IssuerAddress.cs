using System.Text;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// The address of an issuer of CI tokens, which is its name too (OpenID Connect Core section 2: https, host, and maybe port and path). Http
/// is for the loopback address alone, where the operator lists the issuer.
/// </summary>
internal static class IssuerAddress
{
    /// <summary>Null when it is an issuer; otherwise why not.</summary>
    /// <param name="privateIssuers">Those that the operator allows to be on an address that is not public.</param>
    public static string? Refuse(string issuer, IReadOnlyCollection<string> privateIssuers)
    {
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Host.Length == 0)
        {
            return "Must be an address like https://token.actions.githubusercontent.com.";
        }

        if (issuer.AsSpan().ContainsAny("?#@ ") || address.UserInfo.Length > 0 || !Ascii.IsValid(issuer))
        {
            return "Must have no query, fragment or user, and be written in ASCII.";
        }

        return address.Scheme == Uri.UriSchemeHttps ? null
            : address.Scheme == Uri.UriSchemeHttp && address.IsLoopback && privateIssuers.Contains(issuer, StringComparer.Ordinal) ? null
            : "Must begin with https.";
    }

    /// <summary>The address of its discovery document (OpenID Connect Discovery section 4).</summary>
    public static Uri Discovery(string issuer) => new(issuer.TrimEnd('/') + "/.well-known/openid-configuration");
}
