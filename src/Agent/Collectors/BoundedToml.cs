using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Serialization;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Reads TOML as tables, nested at most 64 levels deep.</summary>
[TomlSerializable(typeof(TomlTable))]
internal sealed partial class BoundedToml : TomlSerializerContext
{
    /// <exception cref="TomlException">The text is not TOML, or is nested too deeply.</exception>
    public static TomlTable Load(string text) =>
        TomlSerializer.Deserialize(text, Default.TomlTable) ?? throw new TomlException("The text is empty.");

    /// <summary>A text of a table; null where it is absent, empty or no text.</summary>
    public static string? Text(TomlTable? table, string key) =>
        table is not null && table.TryGetValue(key, out var value) && value is string { Length: > 0 } text ? text : null;

    /// <summary>A table in a table; null where it is absent or something else.</summary>
    public static TomlTable? Table(TomlTable table, string key) => table.TryGetValue(key, out var value) ? value as TomlTable : null;

    /// <summary>The items of an array, of tables or of anything; empty where it is absent or something else.</summary>
    public static IReadOnlyList<object?> Items(TomlTable table, string key) => table.TryGetValue(key, out var value)
        ? value switch { TomlTableArray tables => [.. tables], TomlArray array => [.. array], _ => [] }
        : [];
}
