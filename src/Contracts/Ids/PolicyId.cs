using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A policy of an organization.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<PolicyId>))]
public readonly record struct PolicyId(Guid Value) : ITypedId<PolicyId>
{
    public static PolicyId From(Guid value) => new(value);

    public static PolicyId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out PolicyId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
