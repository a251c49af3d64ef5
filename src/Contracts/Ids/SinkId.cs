using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A receiver to which an organization's audit log is sent.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<SinkId>))]
public readonly record struct SinkId(Guid Value) : ITypedId<SinkId>
{
    public static SinkId From(Guid value) => new(value);

    public static SinkId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out SinkId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
