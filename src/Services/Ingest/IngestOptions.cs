using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Ingest;

/// <summary>Settings of Ingest, section <c>Ingest</c>.</summary>
public sealed class IngestOptions
{
    public const string Section = "Ingest";

    /// <summary>Maximum number of packages whose ids one process caches, about 400 bytes each.</summary>
    [Range(1_000, 10_000_000)]
    public int RememberedPackages { get; set; } = 100_000;

    /// <summary>Packages that nobody has logged before, which an organization may add in a day (UTC).</summary>
    [Range(1, 1_000_000_000)]
    public int NewPackagesPerDay { get; set; } = 1_000_000;

    /// <summary>Packages of new package sets, each counted in each, which an organization may add in a day (UTC).</summary>
    [Range(1, 1_000_000_000)]
    public int NewSetEntriesPerDay { get; set; } = 50_000_000;

    /// <summary>Minutes between two notes of when an unchanged environment was last logged.</summary>
    [Range(1, 10_080)]
    public int SeenMinutes { get; set; } = 60;

    /// <summary>Milliseconds that Identity has to say whether a machine is registered.</summary>
    [Range(50, 60_000)]
    public int IdentityTimeoutMs { get; set; } = 3_000;

    /// <summary>Milliseconds that Scanner has to say what it found in a set, before its packages are shown as pending.</summary>
    [Range(50, 60_000)]
    public int ScannerTimeoutMs { get; set; } = 3_000;

    /// <summary>Milliseconds that Scanner has to say which vulnerabilities a set has, before an SBOM with them is refused.</summary>
    [Range(50, 600_000)]
    public int SbomTimeoutMs { get; set; } = 30_000;
}
