using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// The ecosystems, and years of NVD, of which everything was imported, because somebody said so or the file is the official export. One
/// that shrinks suddenly is damaged rather than smaller, and is not imported.
/// </summary>
internal static class CompleteSources
{
    /// <summary>The part of the records that a source may lose between two imports.</summary>
    private const double Tolerated = 0.1;

    /// <summary>Entries of a catalogue or a mapping below which it is somebody's own, of which one entry is much.</summary>
    private const int Few = 10;

    /// <param name="Ecosystem">PyPI, CRAN, Bioconductor; NVD:YEAR; NVD when no year is missing.</param>
    /// <param name="Basis">stated, feed or export; null from an older version.</param>
    /// <param name="Records">In the last whole file, withdrawn ones included.</param>
    /// <param name="ConfirmedAt">When a whole file was last imported.</param>
    public sealed record View(string Ecosystem, string? Basis, int? Records, DateTimeOffset Since, DateTimeOffset? ConfirmedAt);

    public static void MapListCompleteSources(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/advisories/ecosystems", HandleAsync).RequireAuthorization(Access.Operator).WithTags("Advisories")
            .WithName("ListCompleteSources").WithSummary("The ecosystems of which all advisories were imported, and when.");

    /// <summary>Before anything of a file is taken over.</summary>
    /// <exception cref="InvalidDataException">It holds more than a tenth less than the last one.</exception>
    public static async Task RequireNoLossAsync(NpgsqlDataSource db, AdvisoryChange content, CancellationToken ct)
    {
        foreach (var (what, before, now) in await CompareAsync(db, content, ct))
        {
            if (now < before * (1 - Tolerated))
            {
                throw new InvalidDataException(
                    $"The file holds {now} records of {what}, and the last one held {before}: a source does not shrink by more than a "
                    + "tenth. Nothing was imported. If it is right, import it with shrunk=true (--shrunk).");
            }
        }
    }

    /// <summary>In the transaction of an import.</summary>
    public static Task ConfirmAsync(Tx tx, AdvisoryChange content, string basis, DateTimeOffset now) =>
        content is AdvisoryChange.Records { Complete: { Count: > 0 } complete, Counts: { } counts }
            ? tx.ExecuteAsync(
                """
                insert into complete_ecosystems (ecosystem, since, basis, records, confirmed_at)
                select ecosystem, @now, @basis, records, @now from unnest(@Ecosystems, @Records) as c(ecosystem, records)
                on conflict (ecosystem) do update set
                    basis = excluded.basis, records = excluded.records, confirmed_at = excluded.confirmed_at
                """, new
                {
                    Ecosystems = complete.ToArray(),
                    Records = complete.Select(ecosystem => counts.GetValueOrDefault(ecosystem)).ToArray(),
                    basis,
                    now,
                })
            : Task.CompletedTask;

    private static async Task<List<(string What, int Before, int Now)>> CompareAsync(
        NpgsqlDataSource db, AdvisoryChange content, CancellationToken ct)
    {
        switch (content)
        {
            case AdvisoryChange.Records { Complete: { Count: > 0 } complete, Counts: { } counts }:
                var known = await db.QueryAsync<(string Ecosystem, int Records)>(
                    "select ecosystem, records from complete_ecosystems where records is not null and ecosystem = any(@Complete)",
                    new { Complete = complete.ToArray() }, ct);
                return [.. known.Select(row => (row.Ecosystem, row.Records, counts.GetValueOrDefault(row.Ecosystem)))];
            case AdvisoryChange.Exploited exploited:
                var listed = await db.QuerySingleAsync<int>("select count(*)::int from known_exploited", null, ct);
                var was = await db.QuerySingleAsync<bool>("select kev_imported_at is not null from advisory_state", null, ct);
                return was && listed >= Few ? [("CISA's catalogue", listed, exploited.AddedOn.Count)] : [];
            case AdvisoryChange.Mapping mapping:
                var names = await db.QuerySingleAsync<int>(
                    "select count(*)::int from published_mappings where source = @Source and channel = @Channel",
                    new { mapping.Source, mapping.Channel }, ct);
                return names < Few ? [] : [($"the names of {mapping.Channel}", names, mapping.Entries.Count + mapping.LeftOut.Count)];
            default:
                return [];
        }
    }

    private static async Task<Ok<Page<View>>> HandleAsync(NpgsqlDataSource db, CancellationToken ct)
    {
        var items = await db.QueryAsync<View>(
            "select ecosystem, basis, records, since, confirmed_at from complete_ecosystems order by ecosystem", null, ct);
        return TypedResults.Ok(new Page<View>(items, items.Count, null));
    }
}
