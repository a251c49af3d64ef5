using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A token; the secret itself is never an id.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<TokenId>))]
public readonly record struct TokenId(Guid Value) : ITypedId<TokenId>
{
    public static TokenId From(Guid value) => new(value);

    public static TokenId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out TokenId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
