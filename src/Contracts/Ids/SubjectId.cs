using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>The actor: a user or a service account.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<SubjectId>))]
public readonly record struct SubjectId(Guid Value) : ITypedId<SubjectId>
{
    public static SubjectId From(Guid value) => new(value);

    public static SubjectId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out SubjectId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
