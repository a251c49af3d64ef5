using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Explanations;

/// <summary>
/// Why an advisory affects a package, as stored with the finding, so that an explanation always matches the finding that is shown.
/// </summary>
/// <param name="Entry">Which entry of the advisory's <c>affected</c> matched, counted from 0; the first where several did.</param>
/// <param name="Range">What the version was found in: <c>&gt;=1.0, &lt;1.2.3</c>; <c>=1.2.3</c> where it is listed by itself.</param>
internal sealed record Evidence(string Advisory, int Entry, string Range, bool Listed, string[] FixedIn)
{
    /// <summary>Bounds of the range that are no versions, and what was read out of them; null where all are versions.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public BoundReading[]? BoundsRead { get; init; }

    public static Evidence Of(Hit hit) => new(hit.Advisory.Id, hit.AffectedIndex, hit.Range, hit.IsListed, hit.FixedIn)
    {
        BoundsRead = hit.BoundsRead.Length > 0 ? hit.BoundsRead : null,
    };

    public static string Write(Evidence[] evidence) => JsonSerializer.Serialize(evidence, Json.Options);

    public static Evidence[] Read(string json) => JsonSerializer.Deserialize<Evidence[]>(json, Json.Options) ?? [];
}

/// <summary>An advisory that affects a package, and why, as clients see it.</summary>
/// <param name="Source">The database that published it; null when unknown.</param>
/// <param name="Url">Where it can be read; null where it has no public page.</param>
/// <param name="Entry">Which entry of its <c>affected</c> matched, counted from 0; the first where several did.</param>
/// <param name="Range">What the version was found in: <c>&gt;=1.0, &lt;1.2.3</c>; <c>=1.2.3</c> where it is listed by itself.</param>
/// <param name="Listed">The version is listed explicitly and in none of the ranges.</param>
/// <param name="FixedIn">Versions that end the ranges, lowest first; empty when none is known.</param>
public sealed record AdvisoryMatch(
    string Advisory, string? Source, string? Url, int Entry, string Range, bool Listed, IReadOnlyList<string> FixedIn)
{
    /// <summary>
    /// Bounds of the range that are no versions, and the versions that were read out of them; absent where all are versions.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<BoundReading>? BoundsRead { get; init; }

    internal static AdvisoryMatch Of(Evidence evidence)
    {
        var (source, url) = AdvisorySource.Of(evidence.Advisory);
        return new(evidence.Advisory, source, url, evidence.Entry, evidence.Range, evidence.Listed, evidence.FixedIn)
        {
            BoundsRead = evidence.BoundsRead,
        };
    }
}
