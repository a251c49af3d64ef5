using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A group of an organization's people and programs.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<GroupId>))]
public readonly record struct GroupId(Guid Value) : ITypedId<GroupId>
{
    public static GroupId From(Guid value) => new(value);

    public static GroupId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out GroupId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
