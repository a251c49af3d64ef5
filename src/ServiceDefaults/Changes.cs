using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.ServiceDefaults;

/// <summary>What a change of a resource did, for the audit log: the fields that differ, as they were and as they are.</summary>
/// <param name="Changed">Their names, in the order of the resource.</param>
public sealed record Changes(JsonObject Before, JsonObject After, IReadOnlyList<string> Changed)
{
    /// <summary>Null when both are the same in every field: then there is nothing to write and no event.</summary>
    /// <typeparam name="T">What of the resource is shown in the audit log: never a secret.</typeparam>
    public static Changes? Between<T>(T before, T after)
    {
        var (old, now) = (ObjectOf(before), ObjectOf(after));
        var same = now.Where(field => JsonNode.DeepEquals(field.Value, old[field.Key])).Select(field => field.Key).ToArray();
        foreach (var name in same)
        {
            old.Remove(name);
            now.Remove(name);
        }

        return now.Count == 0 ? null : new(old, now, [.. now.Select(field => field.Key)]);
    }

    private static JsonObject ObjectOf<T>(T value) => JsonSerializer.SerializeToNode(value, Json.Options)!.AsObject();
}
