using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A key by which unattended machines are registered; the key itself is never an id.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<EnrolmentKeyId>))]
public readonly record struct EnrolmentKeyId(Guid Value) : ITypedId<EnrolmentKeyId>
{
    public static EnrolmentKeyId From(Guid value) => new(value);

    public static EnrolmentKeyId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out EnrolmentKeyId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
