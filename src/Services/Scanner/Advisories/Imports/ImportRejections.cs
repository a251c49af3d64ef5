using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>The records that an import left out, the first thousand of them, kept for a limited time.</summary>
internal sealed class ImportRejections(ImportId import)
{
    private const int MaxKept = 1_000;
    private const int MaxText = 500;
    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(90);
    private readonly List<(int Number, string? Record, string? File, string Reason, string Kind)> _pending = [];

    public void Add(int number, string? record, string? file, string reason) => Add(number, record, file, reason, "rejected");

    /// <summary>Entries of records that were kept and cannot be compared with any version.</summary>
    /// <param name="rejected">How many records were left out; the entries are numbered after them.</param>
    public void AddNotEvaluable(int rejected, IReadOnlyList<NotEvaluable> entries)
    {
        foreach (var (i, entry) in entries.Index())
        {
            Add(rejected + i + 1, entry.Advisory.Id, null, $"{entry.Project} cannot be compared: {entry.Why}", "not_evaluable");
        }
    }

    private void Add(int number, string? record, string? file, string reason, string kind)
    {
        if (number <= MaxKept)
        {
            _pending.Add((number, Storable(record), Storable(file), Storable(reason)!, kind));
        }
    }

    /// <summary>Stores what was added since the last call. An import that is restarted leaves out the same records.</summary>
    public async Task KeepAsync(Tx tx)
    {
        if (_pending.Count == 0)
        {
            return;
        }

        await tx.ExecuteAsync(
            """
            insert into import_rejections (import_id, number, record, file, reason, kind)
            select @import, number, record, file, reason, kind
            from unnest(@Numbers, @Records, @Files, @Reasons, @Kinds) as r(number, record, file, reason, kind)
            on conflict do nothing
            """,
            new
            {
                import,
                Numbers = _pending.Select(one => one.Number).ToArray(),
                Records = _pending.Select(one => one.Record).ToArray(),
                Files = _pending.Select(one => one.File).ToArray(),
                Reasons = _pending.Select(one => one.Reason).ToArray(),
                Kinds = _pending.Select(one => one.Kind).ToArray(),
            });
        _pending.Clear();
    }

    /// <summary>Deletes the rejections of old imports.</summary>
    public static Task ForgetAsync(Tx tx, DateTimeOffset now) => tx.ExecuteAsync(
        "delete from import_rejections r using imports i where i.id = r.import_id and i.finished_at < @Until",
        new { Until = now - KeptFor });

    // PostgreSQL's text cannot hold a NUL or an unpaired surrogate.
    private static string? Storable(string? text) => text is null
        ? null
        : string.Concat(
            (text.Length > MaxText ? text[..MaxText] : text).EnumerateRunes().Select(rune => rune.Value == 0 ? "\uFFFD" : rune.ToString()));
}
