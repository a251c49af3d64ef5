using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>An invitation to an organization; its token is never an id.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<InvitationId>))]
public readonly record struct InvitationId(Guid Value) : ITypedId<InvitationId>
{
    public static InvitationId From(Guid value) => new(value);

    public static InvitationId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out InvitationId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
