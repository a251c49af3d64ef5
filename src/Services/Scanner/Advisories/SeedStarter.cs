using System.Reflection;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// Stores the built-in advisories, so that a first start finds something without the network: once for each edition, and never over an
/// imported record with the same id. The tables of conda's channels and names, of bundled libraries, of CPE products and of repositories
/// and the mirrors that an administrator declared are part of the edition: when they change, packages or records may be mapped to other
/// projects, and all packages are matched again.
/// </summary>
internal static class SeedStarter
{
    private const string Prefix = "starter/";
    private static readonly string[] Tables =
        ["bundled-libraries.json", "conda-channels.json", "conda-cpes.json", "conda-exceptions.json", "git-projects.json"];

    public static async Task RunAsync(
        NpgsqlDataSource db, ChangeAdvisories change, IEnumerable<ChannelAlias> aliases, TimeProvider clock, CancellationToken ct)
    {
        var (records, edition) = Read(aliases);
        await using var turn = await ImportTurn.WaitAsync(db, ct);
        var seeded = await db.QuerySingleAsync<byte[]?>("select starter_sha256 from advisory_state", null, ct);
        if (seeded is not null && seeded.AsSpan().SequenceEqual(edition))
        {
            return;
        }

        await change.ApplyAsync(
            new AdvisoryChange.Records(records, AdvisoryChange.Starter, [], MatchAll: seeded is not null), null,
            (tx, outcome) => SeededAsync(tx, edition, records.Count, outcome, clock.GetUtcNow()), ct);
    }

    private static async Task SeededAsync(Tx tx, byte[] edition, int read, AdvisoryChange.Outcome outcome, DateTimeOffset now)
    {
        await tx.ExecuteAsync("update advisory_state set starter_sha256 = @edition", new { edition });
        tx.Audit(
            Caller.OfSystem("scanner", null), now, "advisories_imported",
            new AuditTarget(Convert.ToHexStringLower(edition), null, "starter_set"),
            $"{read} built-in advisories were stored: {outcome.Added} added, {outcome.Changed} changed, {outcome.Withdrawn} withdrawn.",
            new
            {
                Format = AdvisoryChange.Starter,
                Status = "completed",
                Advisories = read,
                outcome.Added,
                outcome.Changed,
                outcome.Withdrawn,
                Rejected = 0
            });
    }

    private static (Dictionary<string, SourceRecord> Records, byte[] Edition) Read(IEnumerable<ChannelAlias> aliases)
    {
        var assembly = Assembly.GetExecutingAssembly();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var records = new Dictionary<string, SourceRecord>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            foreach (var entry in OsvArchive.Read(stream))
            {
                var record = entry.Record is OsvRecord.Valid valid
                    ? new SourceRecord(valid.Advisory, entry.Json.ToArray())
                    : throw new InvalidDataException($"A built-in advisory in {name} cannot be read: {entry.Record}");
                records.Add(record.Advisory.Id, record);
                hash.AppendData(record.Sha256);
            }
        }

        foreach (var table in Tables)
        {
            using var names = assembly.GetManifestResourceStream(table)!;
            hash.AppendData(SHA256.HashData(names));
        }

        foreach (var alias in aliases.OrderBy(alias => alias.Channel, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{alias.Channel}\n{alias.MirrorOf}\n"));
        }

        return (records, hash.GetHashAndReset());
    }
}
