using System.ComponentModel.DataAnnotations;

using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>Settings of the feeds that are fetched on a schedule, section <c>Feeds</c>.</summary>
public sealed class FeedOptions
{
    public const string Section = "Feeds";

    /// <summary>Whether feeds are fetched at all. Without it the platform never accesses the network.</summary>
    public bool Enabled { get; set; }

    /// <summary>Hours after which a feed that was last known to be current is stale.</summary>
    [Range(1, 8_760)]
    public int StaleHours { get; set; } = 48;

    /// <summary>Minutes until a failed feed is fetched again, doubled after each further failure, up to its own interval.</summary>
    [Range(1, 1_440)]
    public int RetryMinutes { get; set; } = 10;

    /// <summary>Seconds without data from a server after which the connection is closed.</summary>
    [Range(1, 600)]
    public int IdleSeconds { get; set; } = 60;

    /// <summary>
    /// How often an interrupted download is resumed before it has failed. What was received by then is kept for the next attempt.
    /// </summary>
    [Range(0, 100)]
    public int MaxResumes { get; set; } = 5;

    /// <summary>Maximum number of feeds that one process fetches at a time.</summary>
    [Range(1, 16)]
    public int Parallel { get; set; } = 3;

    /// <summary>The feeds by name.</summary>
    public Dictionary<string, FeedSource> Sources { get; } = FeedSource.Published();

    /// <summary>
    /// The feeds that are fetched, by name; for a source by years, one for each year so far, for one by platforms, one for each of them.
    /// </summary>
    internal IReadOnlyList<Feed> At(DateTimeOffset now) =>
    [
        .. Sources.Where(pair => pair.Value.Url.Length > 0).SelectMany(pair => pair.Value.Feeds(pair.Key, now.Year))
            // A feed with its own entry replaces the source's feed of that year or platform.
            .Where(feed => !feed.IsOfMany || !Sources.ContainsKey(feed.Name)).OrderBy(feed => feed.Name, StringComparer.Ordinal),
    ];

    internal bool AreSourcesValid() => Sources.All(pair => pair.Key.Length is > 0 and <= 100 && pair.Value.IsValid());
}

/// <summary>Where a feed, or one for each year or platform, is published.</summary>
public sealed class FeedSource
{
    /// <summary>The placeholder for the year in an address.</summary>
    public const string Year = "{year}";

    /// <summary>The placeholder for the platform in an address.</summary>
    public const string Platform = "{subdir}";

    private const int Daily = 1_440;
    private const string OsvBucket = "https://osv-vulnerabilities.storage.googleapis.com/";
    private const string NvdFiles = "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-";

    /// <summary>
    /// Its address, http or https; empty for a feed that is not fetched. With {year} in it, the address of a feed for each year,
    /// with {subdir} for each platform.
    /// </summary>
    public string Url { get; set; } = "";

    /// <summary>A format of imports: osv, nvd, kev, epss, parselmouth, grayskull or repodata.</summary>
    public string Format { get; set; } = "";

    /// <summary>For a mapping in the format parselmouth, and for repodata: its channel. Empty for all others.</summary>
    public string Channel { get; set; } = "";

    /// <summary>
    /// For an address with {subdir}: the platforms, as conda names them, and noarch; where there are none, those that channels publish most
    /// for.
    /// </summary>
    public List<string> Subdirs { get; } = [];

    /// <summary>
    /// The file holds all records: for OSV of the ecosystem that at least half of them name, for NVD of the years that it has records of.
    /// </summary>
    public bool Complete { get; set; }

    /// <summary>Minutes between two checks for updates, give or take a tenth.</summary>
    public int IntervalMinutes { get; set; } = 360;

    /// <summary>
    /// The address of a text that holds the SHA-256 of the file, or of what it unpacks to; empty where there is none. It may have {year} in
    /// it too.
    /// </summary>
    public string ChecksumUrl { get; set; } = "";

    /// <summary>The first year of a feed by years.</summary>
    public int FirstYear { get; set; } = 2_002;

    /// <summary>The feeds that are fetched by default.</summary>
    internal static Dictionary<string, FeedSource> Published() => new(StringComparer.Ordinal)
    {
        ["bioconductor"] = new() { Url = OsvBucket + "Bioconductor/all.zip", Format = ImportAdvisories.Osv, Complete = true },
        ["cran"] = new() { Url = OsvBucket + "CRAN/all.zip", Format = ImportAdvisories.Osv, Complete = true },
        ["curl"] = new() { Url = "https://curl.se/docs/vuln.json", Format = ImportAdvisories.Osv },
        ["epss"] = new()
        {
            Url = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
            Format = ImportAdvisories.Epss,
            IntervalMinutes = Daily
        },
        ["grayskull"] = new()
        {
            Url = "https://raw.githubusercontent.com/conda/grayskull/main/grayskull/strategy/config.yaml",
            Format = ImportAdvisories.Grayskull,
            IntervalMinutes = Daily,
        },
        ["kev"] = new()
        {
            Url = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
            Format = ImportAdvisories.Kev
        },
        ["nvd"] = new()
        {
            Url = $"{NvdFiles}{Year}.json.gz",
            ChecksumUrl = $"{NvdFiles}{Year}.meta",
            Format = ImportAdvisories.Nvd,
            Complete = true,
            IntervalMinutes = Daily
        },
        ["nvd_modified"] = new()
        {
            Url = NvdFiles + "modified.json.gz",
            ChecksumUrl = NvdFiles + "modified.meta",
            Format = ImportAdvisories.Nvd,
            IntervalMinutes = 120
        },
        ["parselmouth_bioconda"] = Parselmouth("bioconda"),
        ["parselmouth_conda_forge"] = Parselmouth(CondaChannels.CondaForge),
        ["parselmouth_pytorch"] = Parselmouth("pytorch"),
        ["psf"] = new()
        {
            Url = "https://github.com/psf/advisory-database/archive/refs/heads/main.zip",
            Format = ImportAdvisories.Osv,
            IntervalMinutes = Daily
        },
        ["pypi"] = new() { Url = OsvBucket + "PyPI/all.zip", Format = ImportAdvisories.Osv, Complete = true },
    };

    internal IEnumerable<Feed> Feeds(string name, int thisYear) =>
        IsByYear
            ? Enumerable.Range(FirstYear, Math.Max(thisYear - FirstYear + 1, 0)).Select(year => ToFeed($"{name}_{year}", year, null))
        : IsByPlatform
            ? (Subdirs.Count > 0 ? Subdirs : RepodataChannels.Usual).Distinct(StringComparer.Ordinal)
                .Select(subdir => ToFeed($"{name}_{subdir}", null, subdir))
        : [ToFeed(name, null, null)];

    internal bool IsValid() =>
        Url.Length == 0 || (IsAddress(Url) && (ChecksumUrl.Length == 0 || IsAddress(ChecksumUrl)) && IntervalMinutes is >= 1 and <= 525_600
            && FirstYear is >= 1_988 and <= 9_999 && ImportAdvisories.Formats.Contains(Format)
            && (Format is ImportAdvisories.Parselmouth or ImportAdvisories.Repodata) == (Channel.Length > 0)
            && (Format == ImportAdvisories.Repodata ? !IsByYear : !IsByPlatform && Subdirs.Count == 0)
            && Subdirs.TrueForAll(RepodataChannels.IsSubdir)
            && (!Complete || Format is ImportAdvisories.Nvd or ImportAdvisories.Osv));

    private static FeedSource Parselmouth(string channel) => new()
    {
        Url = $"https://raw.githubusercontent.com/prefix-dev/parselmouth/main/files/v0/{channel}/compressed_mapping.json",
        Format = ImportAdvisories.Parselmouth,
        Channel = channel,
        IntervalMinutes = Daily,
    };

    private bool IsByYear => Url.Contains(Year, StringComparison.Ordinal);

    private bool IsByPlatform => Url.Contains(Platform, StringComparison.Ordinal);

    private Feed ToFeed(string name, int? year, string? subdir) =>
        new(name, new Uri(In(Url, year, subdir)), ImportKind.Of(Format, Channel, Complete) with { Subdir = subdir },
            TimeSpan.FromMinutes(IntervalMinutes), ChecksumUrl.Length > 0 ? new Uri(In(ChecksumUrl, year, subdir)) : null,
            year is not null || subdir is not null);

    private static string In(string address, int? year, string? subdir)
    {
        var ofYear = year is { } some ? address.Replace(Year, some.ToString(), StringComparison.Ordinal) : address;
        return subdir is null ? ofYear : ofYear.Replace(Platform, subdir, StringComparison.Ordinal);
    }

    private static bool IsAddress(string text) =>
        Uri.TryCreate(In(text, 2_000, RepodataChannels.NoArch), UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
}

/// <summary>A feed that is fetched.</summary>
/// <param name="ChecksumUrl">Null where there is none.</param>
/// <param name="IsOfMany">It is one of those of a source by years or platforms.</param>
internal sealed record Feed(string Name, Uri Url, ImportKind Kind, TimeSpan Interval, Uri? ChecksumUrl, bool IsOfMany);
