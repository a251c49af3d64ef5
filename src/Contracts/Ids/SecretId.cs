using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A client secret of a service account; the secret itself is never an id.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<SecretId>))]
public readonly record struct SecretId(Guid Value) : ITypedId<SecretId>
{
    public static SecretId From(Guid value) => new(value);

    public static SecretId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out SecretId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
