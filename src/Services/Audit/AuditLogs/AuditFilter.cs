using System.Collections.Frozen;

using Dapper;

using EnvPlatform.Postgres;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// One filter of the audit API: <c>column:value1,value2</c>, the column equals one of the values; with a <c>-</c> in front, none of them. A
/// value may hold <c>*</c> for any text; the message need only contain the value, ignoring case.
/// </summary>
internal sealed record AuditFilter(string Column, IReadOnlyList<string> Values, bool Excludes)
{
    private const int MaxValues = 100;
    private const int MaxLength = 2_048;

    /// <summary>The columns to filter by, each with its SQL.</summary>
    public static FrozenDictionary<string, string> Columns { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["id"] = "event_id::text",
        ["org_id"] = "org_id::text",
        ["category"] = "category",
        ["action_key"] = "action_key",
        ["action_verb"] = "action_verb",
        ["actor_id"] = "actor_id",
        ["actor_email"] = "actor_email",
        ["actor_type"] = "actor_type",
        ["target_id"] = "target_id",
        ["target_email"] = "target_email",
        ["target_type"] = "target_type",
        ["service_name"] = "service_name",
        ["message"] = "message",
        ["source_address"] = "source_address",
        ["trace_id"] = "trace_id",
        ["request_id"] = "request_id",
    }.ToFrozenDictionary();

    /// <summary>The filter, or what is wrong with the text.</summary>
    public static (AuditFilter? Filter, string? Mistake) Parse(string text)
    {
        var excludes = text.StartsWith('-');
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var column = colon < 0 ? "" : text[(excludes ? 1 : 0)..colon].Trim();
        if (text.Length > MaxLength)
        {
            return (null, $"A filter may have {MaxLength} characters.");
        }

        if (!Columns.ContainsKey(column))
        {
            return (null,
                $"Must be column:value1,value2 with one of the columns {string.Join(", ", Columns.Keys.Order(StringComparer.Ordinal))}.");
        }

        var values = text[(colon + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return values.Length switch
        {
            0 => (null, "Names no value."),
            > MaxValues => (null, $"Names more than {MaxValues} values."),
            _ => (new(column, values, excludes), null),
        };
    }

    /// <summary>The condition; its values become parameters with that number.</summary>
    public string ToSql(DynamicParameters parameters, int number)
    {
        var column = Columns[Column];
        var isMessage = Column == "message";
        var exact = isMessage ? [] : Values.Where(value => !value.Contains('*', StringComparison.Ordinal)).ToArray();
        var patterns = Values.Except(exact, StringComparer.Ordinal)
            .Select(value => isMessage ? $"%{LikePattern.WithWildcards(value)}%" : LikePattern.WithWildcards(value)).ToArray();
        var parts = new List<string>(2);
        if (exact.Length > 0)
        {
            parameters.Add($"v{number}", exact);
            parts.Add($"{column} = any(@v{number})");
        }

        if (patterns.Length > 0)
        {
            parameters.Add($"p{number}", patterns);
            parts.Add(isMessage
                ? $"{Folded.Of("message")} like any(array(select {Folded.Of("pattern")} from unnest(@p{number}::text[]) as given(pattern)))"
                : $"{column} like any(@p{number})");
        }

        var any = $"({string.Join(" or ", parts)})";
        return Excludes ? $"{any} is not true" : any;
    }
}
