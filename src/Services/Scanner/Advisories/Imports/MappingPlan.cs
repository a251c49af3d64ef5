using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Mapping;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>What a new file of a published mapping changes: packages with other names are not affected.</summary>
/// <param name="Written">Entries that are new or changed.</param>
/// <param name="Removed">Conda names that the source no longer lists.</param>
/// <param name="All">What is stored afterwards, of all sources and channels.</param>
internal sealed record MappingPlan(
    string Source, string Channel, PublishedEntry[] Written, string[] Removed, IReadOnlyList<PublishedEntry> All,
    AdvisoryChange.Outcome Outcome)
{
    public bool IsEmpty => Written.Length == 0 && Removed.Length == 0;

    /// <summary>Conda names whose entries changed.</summary>
    public string[] Names => [.. Written.Select(entry => entry.CondaName), .. Removed];

    public static MappingPlan Make(AdvisoryChange.Mapping change, IReadOnlyList<PublishedEntry> stored)
    {
        var before = stored.Where(entry => entry.Source == change.Source && entry.Channel == change.Channel)
            .ToDictionary(entry => entry.CondaName, StringComparer.Ordinal);
        var written = change.Entries
            .Where(
                pair => !before.TryGetValue(pair.Key, out var known) || !known.PypiNames.SequenceEqual(pair.Value, StringComparer.Ordinal))
            .Select(pair => new PublishedEntry(change.Source, change.Channel, pair.Key, pair.Value)).ToArray();
        // An entry that cannot be read is no reason to delete its stored value.
        var removed = before.Values
            .Where(entry => !change.Entries.ContainsKey(entry.CondaName) && !change.LeftOut.Contains(entry.CondaName)
                && !entry.PypiNames.Any(change.LeftOut.Contains))
            .Select(entry => entry.CondaName).ToArray();
        var gone = removed.Concat(written.Select(entry => entry.CondaName)).ToHashSet(StringComparer.Ordinal);
        PublishedEntry[] all =
        [
            .. stored.Where(entry => entry.Source != change.Source || entry.Channel != change.Channel || !gone.Contains(entry.CondaName)),
            .. written,
        ];
        var changed = written.Count(entry => before.ContainsKey(entry.CondaName));
        return new(change.Source, change.Channel, written, removed, all, new(written.Length - changed, changed, removed.Length));
    }

    public async Task WriteAsync(Tx tx)
    {
        await tx.ExecuteAsync(
            "delete from published_mappings where source = @Source and channel = @Channel and conda_name = any(@Names)",
            new { Source, Channel, Names });
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy published_mappings (source, channel, conda_name, pypi_names) from stdin (format binary)");
        foreach (var entry in Written)
        {
            await rows.StartRowAsync();
            await rows.WriteAsync(entry.Source, NpgsqlDbType.Text);
            await rows.WriteAsync(entry.Channel, NpgsqlDbType.Text);
            await rows.WriteAsync(entry.CondaName, NpgsqlDbType.Text);
            await rows.WriteAsync(entry.PypiNames, NpgsqlDbType.Array | NpgsqlDbType.Text);
        }

        await rows.CompleteAsync();
    }
}
