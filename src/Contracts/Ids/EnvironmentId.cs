using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>An environment: a prefix on a machine of an organization.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<EnvironmentId>))]
public readonly record struct EnvironmentId(Guid Value) : ITypedId<EnvironmentId>
{
    public static EnvironmentId From(Guid value) => new(value);

    public static EnvironmentId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out EnvironmentId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
