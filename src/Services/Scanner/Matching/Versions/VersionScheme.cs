namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>In which order the versions of an advisory are compared.</summary>
public enum VersionScheme
{
    /// <summary>PEP 440: PyPI.</summary>
    Pep440,

    /// <summary>conda's own order: records written for conda packages.</summary>
    Conda,

    /// <summary>OpenSSL releases, 0.9.8zh to 3.x: letters after the third number are fixes, longer runs later.</summary>
    OpenSsl,

    /// <summary>R packages (CRAN, Bioconductor): number by number, <c>-</c> and conda's <c>_</c> alike.</summary>
    Cran,

    /// <summary>Semantic Versioning 2.0.0.</summary>
    SemVer,

    /// <summary>Numbers and words as most projects mean them; for records that name no scheme.</summary>
    Generic,
}
