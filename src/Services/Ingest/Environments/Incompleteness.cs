using System.Text.Json;

using EnvPlatform.Contracts.Masking;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Something that the agent could not read in full.</summary>
/// <param name="What">A file below the environment, or the text of a line; without secrets.</param>
/// <param name="Reason">Such as unreadable_record, misnamed_record, unreadable_distribution, no_exact_version.</param>
public sealed record IncompleteEntry(string? What, string? Reason);

/// <summary>What a log says that it could not read.</summary>
internal static class Incompleteness
{
    public const int MaxEntries = 1_000;

    /// <summary>How many of the entries a list of environments and the audit log show.</summary>
    public const int Shown = 20;

    /// <summary>The first entries of a column, to bound the answer.</summary>
    public static string ShownSql(string column) => $"jsonb_path_query_array({column}, '$[0 to {Shown - 1}]')::text";

    /// <summary>Null when the log does not say; <paramref name="errors"/> has the errors by field.</summary>
    public static IReadOnlyList<IncompleteEntry>? Read(IReadOnlyList<IncompleteEntry?>? entries, IDictionary<string, string[]> errors)
    {
        if (entries is null)
        {
            return null;
        }

        if (entries.Count > MaxEntries)
        {
            errors["incomplete"] = [$"Holds {entries.Count} entries; at most {MaxEntries} are allowed."];
            return null;
        }

        var read = new List<IncompleteEntry>(entries.Count);
        for (var at = 0; at < entries.Count && errors.Count == 0; at++)
        {
            var entry = entries[at];
            if (string.IsNullOrWhiteSpace(entry?.What) || entry.What.Length > 1_024 || PlainText.HoldsControl(entry.What))
            {
                errors[$"incomplete[{at}].what"] = ["Is required, of at most 1024 characters, without control characters."];
            }
            else if (entry.Reason is not { Length: > 0 and <= 50 } reason
                || reason.Any(c => !(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')))
            {
                errors[$"incomplete[{at}].reason"] = ["Must be 1 to 50 lower-case letters, digits and underscores."];
            }
            else
            {
                read.Add(new IncompleteEntry(Secrets.Masked(entry.What), reason));
            }
        }

        return read;
    }

    public static string? ToJson(IReadOnlyList<IncompleteEntry>? entries) =>
        entries is null ? null : JsonSerializer.Serialize(entries, Json.Options);

    public static IReadOnlyList<IncompleteEntry>? Of(string? json) =>
        json is null ? null : JsonSerializer.Deserialize<IReadOnlyList<IncompleteEntry>>(json, Json.Options);
}
