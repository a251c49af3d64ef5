using System.Security.Cryptography;

using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>A source record: its content, and its original JSON.</summary>
public sealed record SourceRecord(Advisory Advisory, byte[] Json)
{
    public byte[] Sha256 { get; } = SHA256.HashData(Json);
}

/// <summary>A change of the advisories, or of the data related to them.</summary>
public abstract record AdvisoryChange
{
    public const string Starter = "starter";
    public const string Osv = "osv";
    public const string Nvd = "nvd";

    private AdvisoryChange()
    {
    }

    /// <summary>These records are added, or replace those of the same id; others stay.</summary>
    /// <param name="Complete">Ecosystems of which these are the whole feed.</param>
    /// <param name="ExploitedSince">
    /// By CVE in lower case: what the records themselves say of CISA's catalogue; the catalogue itself takes precedence.
    /// </param>
    /// <param name="MatchAll">Every package is to be matched again, because packages may be mapped to other projects than before.</param>
    /// <param name="Counts">
    /// Records of each ecosystem, or year of NVD, in the file, withdrawn ones included; null where nobody asks.
    /// </param>
    public sealed record Records(
        IReadOnlyDictionary<string, SourceRecord> ById, string Source, IReadOnlyList<string> Complete,
        IReadOnlyDictionary<string, DateOnly>? ExploitedSince = null, bool MatchAll = false,
        IReadOnlyDictionary<string, int>? Counts = null) : AdvisoryChange;

    /// <summary>Exactly these CVEs are known to be exploited.</summary>
    public sealed record Exploited(IReadOnlyDictionary<string, DateOnly> AddedOn) : AdvisoryChange;

    /// <summary>These CVEs have these EPSS scores; others keep theirs.</summary>
    public sealed record Predictions(IReadOnlyDictionary<string, decimal> Epss) : AdvisoryChange;

    /// <summary>All that a source says about the packages of a channel: the projects of PyPI by conda name.</summary>
    /// <param name="LeftOut">Names of entries that could not be read: their stored values stay.</param>
    public sealed record Mapping(string Source, string Channel, IReadOnlyDictionary<string, string[]> Entries, IReadOnlySet<string> LeftOut)
        : AdvisoryChange;

    /// <summary>How many records were read, and what they changed.</summary>
    public sealed record Outcome(int Added, int Changed, int Withdrawn)
    {
        public static Outcome Nothing { get; } = new(0, 0, 0);

        /// <summary>Entries of the records, changed or not, that cannot be compared with versions.</summary>
        public IReadOnlyList<NotEvaluable> NotEvaluable { get; init; } = [];
    }
}
