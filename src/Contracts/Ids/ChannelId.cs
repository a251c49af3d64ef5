using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A channel that an organization knows.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<ChannelId>))]
public readonly record struct ChannelId(Guid Value) : ITypedId<ChannelId>
{
    public static ChannelId From(Guid value) => new(value);

    public static ChannelId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out ChannelId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
