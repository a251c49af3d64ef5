using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>One verdict of an organization on a vulnerability.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<CurationId>))]
public readonly record struct CurationId(Guid Value) : ITypedId<CurationId>
{
    public static CurationId From(Guid value) => new(value);

    public static CurationId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out CurationId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
