using System.Collections.Immutable;
using System.Text.Json;

namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>What the interfaces of the stores have beyond what the protocol engine calls.</summary>
internal static class Unsupported
{
    public static NotSupportedException Member() => new("The protocol engine does not need this; nothing else uses its stores.");

    /// <summary>There is no column for the engine's own properties, which it leaves empty.</summary>
    public static void Refuse(ImmutableDictionary<string, JsonElement> properties)
    {
        if (properties is { IsEmpty: false })
        {
            throw Member();
        }
    }
}
