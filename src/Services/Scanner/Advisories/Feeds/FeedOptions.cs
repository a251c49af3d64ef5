using System.ComponentModel.DataAnnotations;

using EnvPlatform.Scanner.Advisories.Imports;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>Settings of the feeds that are fetched on a schedule, section <c>Feeds</c>.</summary>
public sealed class FeedOptions
{
    public const string Section = "Feeds";

    /// <summary>Whether feeds are fetched at all. Without it the platform never asks the network for anything.</summary>
    public bool Enabled { get; set; }

    /// <summary>Hours since a feed was last known to be current after which it is stale.</summary>
    [Range(1, 8_760)]
    public int StaleHours { get; set; } = 48;

    /// <summary>Minutes until a feed that failed is fetched again, twice as many each further time, up to its own interval.</summary>
    [Range(1, 1_440)]
    public int RetryMinutes { get; set; } = 10;

    /// <summary>Seconds that a server may send nothing before the connection is given up.</summary>
    [Range(1, 600)]
    public int IdleSeconds { get; set; } = 60;

    /// <summary>How often a download that breaks off is taken up again before it has failed.</summary>
    [Range(0, 100)]
    public int MaxResumes { get; set; } = 5;

    /// <summary>The feeds by name.</summary>
    public Dictionary<string, FeedSource> Sources { get; } = new(StringComparer.Ordinal)
    {
        ["bioconductor"] = new() { Url = "https://osv-vulnerabilities.storage.googleapis.com/Bioconductor/all.zip", Format = ImportAdvisories.Osv },
        ["cran"] = new() { Url = "https://osv-vulnerabilities.storage.googleapis.com/CRAN/all.zip", Format = ImportAdvisories.Osv },
        ["epss"] = new() { Url = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz", Format = ImportAdvisories.Epss, IntervalMinutes = 1_440 },
        ["kev"] = new() { Url = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json", Format = ImportAdvisories.Kev },
        ["nvd-modified"] = new()
        {
            Url = "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-modified.json.gz",
            Format = ImportAdvisories.Nvd,
            ChecksumUrl = "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-modified.meta",
        },
        ["pypi"] = new() { Url = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip", Format = ImportAdvisories.Osv },
    };

    internal bool AreSourcesValid() => Sources.All(pair => pair.Key.Length is > 0 and <= 100 && pair.Value.IsValid());
}

/// <summary>Where a feed is published.</summary>
public sealed class FeedSource
{
    /// <summary>Its address, http or https; empty for a feed that is not fetched.</summary>
    public string Url { get; set; } = "";

    /// <summary>osv, nvd, kev or epss.</summary>
    public string Format { get; set; } = "";

    /// <summary>Minutes between two looks for something newer, give or take a tenth.</summary>
    public int IntervalMinutes { get; set; } = 360;

    /// <summary>The address of a text that holds the SHA-256 of the file, or of what it unpacks to; empty where there is none.</summary>
    public string ChecksumUrl { get; set; } = "";

    internal bool IsFetched => Url.Length > 0;

    internal bool IsValid() =>
        !IsFetched || (IsAddress(Url) && (ChecksumUrl.Length == 0 || IsAddress(ChecksumUrl)) && IntervalMinutes is >= 1 and <= 525_600
            && Format is ImportAdvisories.Osv or ImportAdvisories.Nvd or ImportAdvisories.Kev or ImportAdvisories.Epss);

    private static bool IsAddress(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
}
