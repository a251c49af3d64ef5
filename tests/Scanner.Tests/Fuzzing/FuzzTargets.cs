namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>Every parser of the scanner that reads untrusted input.</summary>
internal static class FuzzTargets
{
    public static readonly string[] Names =
    [
        "pep440", "conda", "semver", "cran", "openssl", "generic", "cvss", "cpe", "purl", "osv", "archive", "nvd", "kev", "epss",
        "openvex", "cyclonedx",
        "parselmouth", "grayskull", "repodata", "match_spec",
    ];

    public static FuzzTarget Of(string name, FuzzCorpus corpus) => name switch
    {
        "pep440" or "conda" or "semver" or "cran" or "openssl" or "generic" => VersionTargets.Of(name, corpus),
        "cvss" => TextTargets.Cvss(corpus),
        "cpe" => TextTargets.Cpe(corpus),
        "purl" => TextTargets.Purl(corpus),
        "osv" => RecordTargets.Osv(corpus),
        "archive" => RecordTargets.Archive(corpus),
        "nvd" => RecordTargets.Nvd(corpus),
        "kev" => ExploitTargets.Kev(corpus),
        "epss" => ExploitTargets.Epss(corpus),
        "openvex" => VexTargets.OpenVex(corpus),
        "cyclonedx" => VexTargets.CycloneDx(corpus),
        "parselmouth" => MappingTargets.Parselmouth(corpus),
        "grayskull" => MappingTargets.Grayskull(corpus),
        "repodata" => RepodataTargets.File(corpus),
        "match_spec" => RepodataTargets.Spec(),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such parser."),
    };

    /// <summary>Text that a database can hold and JSON can carry: without NUL, whole surrogate pairs only.</summary>
    public static bool IsStorable(string? text)
    {
        for (var i = 0; i < text?.Length; i++)
        {
            if (text[i] == '\0')
            {
                return false;
            }

            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                return false;
            }

            i++;
        }

        return true;
    }

    public static string Repeat(string piece, int count) => string.Concat(Enumerable.Repeat(piece, count));

    /// <summary>Distinct pieces, separated by commas.</summary>
    public static string List(int count, Func<int, string> piece) => string.Join(',', Enumerable.Range(0, count).Select(piece));
}
