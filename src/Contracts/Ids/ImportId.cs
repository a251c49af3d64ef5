using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>One import of advisories.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<ImportId>))]
public readonly record struct ImportId(Guid Value) : ITypedId<ImportId>
{
    public static ImportId From(Guid value) => new(value);

    public static ImportId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out ImportId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
