using EnvPlatform.Scanner.Advisories.Starter;

namespace EnvPlatform.Scanner.Explanations;

/// <summary>Who publishes an advisory, and where it can be read, as far as its id shows.</summary>
/// <param name="Name">Null for an unknown database.</param>
/// <param name="Url">Null where the record has no public page.</param>
public readonly record struct AdvisorySource(string? Name, string? Url)
{
    private const string NvdRecord = "NVD-";
    private const string Osv = "https://osv.dev/vulnerability/";
    private const string Nvd = "https://nvd.nist.gov/vuln/detail/";

    // The databases that OSV gathers (https://ossf.github.io/osv-schema/#id-modified-fields) and that cover what conda packages hold.
    private static readonly (string Prefix, string Name)[] Databases =
    [
        ("GHSA-", "GitHub Advisory Database"),
        ("PYSEC-", "Python Packaging Advisory Database"),
        ("RSEC-", "R Consortium Advisory Database"),
        ("PSF-", "Python Software Foundation"),
        ("CURL-", "curl"),
        ("MAL-", "OpenSSF Malicious Packages"),
        ("OSV-", "OSS-Fuzz"),
        ("CVE-", "OSV"),
    ];

    public static AdvisorySource Of(string advisory)
    {
        ArgumentNullException.ThrowIfNull(advisory);
        if (StarterSet.Holds(advisory))
        {
            return new("EnvPlatform starter set", null);
        }

        if (advisory.StartsWith(NvdRecord + "CVE-", StringComparison.Ordinal))
        {
            return new("National Vulnerability Database", Nvd + Uri.EscapeDataString(advisory[NvdRecord.Length..]));
        }

        foreach (var (prefix, name) in Databases)
        {
            if (advisory.StartsWith(prefix, StringComparison.Ordinal))
            {
                return new(name, Osv + Uri.EscapeDataString(advisory));
            }
        }

        return default;
    }
}
