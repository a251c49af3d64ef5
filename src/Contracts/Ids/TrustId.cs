using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A trust of a service account in the tokens that another issuer gives its jobs.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<TrustId>))]
public readonly record struct TrustId(Guid Value) : ITypedId<TrustId>
{
    public static TrustId From(Guid value) => new(value);

    public static TrustId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out TrustId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
