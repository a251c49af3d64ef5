using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>Something that policies leave out for a time, or somebody asks that they do.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<ExceptionId>))]
public readonly record struct ExceptionId(Guid Value) : ITypedId<ExceptionId>
{
    public static ExceptionId From(Guid value) => new(value);

    public static ExceptionId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out ExceptionId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
