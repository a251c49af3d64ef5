using System.Security.Cryptography;
using System.Text.Json;

using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.ServiceDefaults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// What new records change, computed before anything is written: only what differs is written, matched again and counted again.
/// </summary>
/// <param name="Generation">Of the advisories that this was computed from.</param>
/// <param name="Upserts">Records that are new or changed.</param>
/// <param name="Reassigned">Unchanged records that now belong to another vulnerability.</param>
/// <param name="Vulnerabilities">Vulnerabilities that are new or differ, with the hash of what is written.</param>
/// <param name="Gone">Vulnerabilities that no advisory refers to any more.</param>
/// <param name="Rescored">Vulnerabilities whose severity or score differs.</param>
/// <param name="Projects">The projects whose packages may match differently.</param>
/// <param name="NewlyComplete">Ecosystems, and years of NVD, that are complete with this import.</param>
internal sealed record AdvisoryPlan(
    long Generation, SourceRecord[] Upserts, Advisory[] Reassigned, (Vulnerability Vulnerability, byte[] Sha256)[] Vulnerabilities,
    string[] Gone, string[] Rescored, PackageIdentity[] Projects, string[] NewlyComplete, VulnerabilityGroups Groups, AdvisoryIndex Index,
    AdvisoryChange.Outcome Outcome)
{
    public bool IsEmpty => Upserts.Length == 0 && NewlyComplete.Length == 0;

    /// <param name="now">Determines which year of NVD is the last.</param>
    public static async Task<AdvisoryPlan> MakeAsync(
        NpgsqlDataSource db, CondaChannels channels, AdvisoryChange.Records change, DateTimeOffset now, CancellationToken ct)
    {
        var generation = await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct);
        var complete = await db.QueryAsync<string>("select ecosystem from complete_ecosystems", null, ct);
        var stored = (await db.QueryAsync<StoredRow>(
            "select id, source, content_sha256, withdrawn_at is not null as withdrawn, vulnerability_id from advisories", null, ct))
            .ToDictionary(row => row.Id, StringComparer.Ordinal);
        var upserts = change.ById.Values.Where(record => IsNews(record, stored.GetValueOrDefault(record.Advisory.Id), change.Source))
            .ToArray();
        var upsertIds = upserts.Select(record => record.Advisory.Id).ToArray();

        var kept = await ReadAsync(db, StoredAdvisories.InForceExcept, upsertIds, ct);
        var replaced = await ReadAsync(db, StoredAdvisories.Among, upsertIds, ct);
        var advisories = kept.Concat(upserts.Select(record => record.Advisory)).ToArray();
        var groups = VulnerabilityGroups.Of(advisories);
        var newlyComplete = NvdYears.Close(complete, change.Complete, now.Year);
        var mapping = StoredMapping.With(channels, await StoredMapping.ReadAsync(db, ct));
        var index = AdvisoryIndex.Build(advisories, groups, mapping, complete.Union(newlyComplete, StringComparer.Ordinal));

        var reassigned = kept.Where(advisory => groups.Of(advisory.Id)?.Id != stored[advisory.Id].VulnerabilityId).ToArray();
        var (vulnerabilities, gone, rescored) = await CompareAsync(db, groups, ct);
        return new(
            generation, upserts, reassigned, vulnerabilities, gone, rescored,
            ProjectsOf(upserts.Select(record => record.Advisory).Concat(replaced).Concat(reassigned)), newlyComplete, groups, index,
            OutcomeOf(upserts, stored) with
            {
                NotEvaluable = [.. index.NotEvaluable.Where(one => change.ById.ContainsKey(one.Advisory.Id))],
            });
    }

    private static bool IsNews(SourceRecord record, StoredRow? stored, string source) =>
        stored is null
        || (!record.Sha256.AsSpan().SequenceEqual(stored.ContentSha256)
            && (source != AdvisoryChange.Starter || stored.Source == AdvisoryChange.Starter));

    private static async Task<List<Advisory>> ReadAsync(NpgsqlDataSource db, string sql, string[] ids, CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        var advisories = new List<Advisory>();
        await foreach (var advisory in StoredAdvisories.ReadAsync(connection, sql, ids, ct))
        {
            advisories.Add(advisory);
        }

        return advisories;
    }

    private static async Task<((Vulnerability, byte[])[] Differing, string[] Gone, string[] Rescored)> CompareAsync(
        NpgsqlDataSource db, VulnerabilityGroups groups, CancellationToken ct)
    {
        var stored = (await db.QueryAsync<StoredVulnerability>("select id, content_sha256, severity, cvss from vulnerabilities", null, ct))
            .ToDictionary(row => row.Id, StringComparer.Ordinal);
        var differing = new List<(Vulnerability, byte[])>();
        var rescored = new List<string>();
        foreach (var vulnerability in groups.All)
        {
            var sha256 = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(vulnerability, Json.Options));
            if (!stored.Remove(vulnerability.Id, out var row))
            {
                differing.Add((vulnerability, sha256));
            }
            else if (!sha256.AsSpan().SequenceEqual(row.ContentSha256))
            {
                differing.Add((vulnerability, sha256));
                if (row.Severity != Texts.Of(vulnerability.Severity) || row.Cvss != vulnerability.Cvss?.Base)
                {
                    rescored.Add(vulnerability.Id);
                }
            }
        }

        return ([.. differing], [.. stored.Keys], [.. rescored]);
    }

    private static PackageIdentity[] ProjectsOf(IEnumerable<Advisory> advisories) =>
    [
        .. advisories.SelectMany(advisory => advisory.Affected)
            .Select(affected =>
                Ecosystems.Known(affected.Ecosystem) is { } known ? PackageIdentity.Of(known, affected.Name) : (PackageIdentity?)null)
            .OfType<PackageIdentity>().Distinct(),
    ];

    private static AdvisoryChange.Outcome OutcomeOf(SourceRecord[] upserts, Dictionary<string, StoredRow> stored) => new(
        upserts.Count(record => !stored.ContainsKey(record.Advisory.Id)),
        upserts.Count(record => stored.ContainsKey(record.Advisory.Id)),
        upserts.Count(
            record => record.Advisory.Withdrawn is not null && stored.GetValueOrDefault(record.Advisory.Id) is not { Withdrawn: true }));

    private sealed record StoredRow(string Id, string Source, byte[] ContentSha256, bool Withdrawn, string? VulnerabilityId);

    private sealed record StoredVulnerability(string Id, byte[] ContentSha256, string Severity, decimal? Cvss);
}
