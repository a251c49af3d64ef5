using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Audit.Sinks;

/// <summary>Checks what somebody says of a sink.</summary>
internal static class SinkRequest
{
    private const int MostFilters = 20;
    private const int LongestAuthorities = 65_536;
    private const int LongestToken = 1_000;
    private static readonly string[] Formats = ["jsonl", "cloudevents", "ocsf", "cef"];

    public static string UsualFormat(string kind) => kind == Sink.Syslog ? "cef" : "jsonl";

    /// <returns>By the names of the fields; empty where all is well.</returns>
    public static Dictionary<string, string[]> Refuse(SinkFields fields, string? token)
    {
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        if (AddressError(fields.Kind, fields.Address) is { } error)
        {
            errors["address"] = [error];
        }

        if (!Formats.Contains(fields.Format))
        {
            errors["format"] = [$"Must be one of {string.Join(", ", Formats)}."];
        }

        var mistakes = fields.Q.Count > MostFilters
            ? [$"There may be {MostFilters} filters."]
            : fields.Q.Select(text => AuditFilter.Parse(text ?? "").Mistake).OfType<string>().ToArray();
        if (mistakes.Length > 0)
        {
            errors["q"] = mistakes;
        }

        if (fields.SearchOperator is not ("or" or "and"))
        {
            errors["search_operator"] = ["Must be or, and."];
        }

        if (fields.Authorities is { } authorities && Certificates(authorities) is not { Count: > 0 })
        {
            errors["authorities"] = ["Must be certificates in PEM."];
        }

        if (token is not null
            && (fields.Kind != Sink.SplunkHec || token.Length is 0 or > LongestToken || token.Any(c => c is <= ' ' or > '~')))
        {
            errors["token"] = ["Only a receiver of the kind splunk_hec has a token: 1 to 1,000 letters, digits and signs of ASCII."];
        }

        return errors;
    }

    /// <summary>Null where the text holds none, or what is none.</summary>
    public static X509Certificate2Collection? Certificates(string pem)
    {
        if (pem.Length > LongestAuthorities)
        {
            return null;
        }

        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            return null;
        }

        return found;
    }

    private static string? AddressError(string kind, string address)
    {
        if (address.Length > 1_000 || PlainText.HoldsControl(address) || !Uri.TryCreate(address, UriKind.Absolute, out var url)
            || url.Host.Length == 0 || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            return "Must be an address of at most 1,000 characters, without a user.";
        }

        if (kind == Sink.Syslog)
        {
            return url.Scheme is "tls" or "tcp" && url.Port > 0 && url.PathAndQuery is "/" or ""
                ? null : "Must be tls://HOST:PORT (RFC 5425).";
        }

        return url.Scheme is "https" or "http" ? null : "Must begin with https://.";
    }
}
