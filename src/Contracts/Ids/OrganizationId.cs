using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>An organization: the owner of machines, environments, policies and an audit log.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<OrganizationId>))]
public readonly record struct OrganizationId(Guid Value) : ITypedId<OrganizationId>
{
    public static OrganizationId From(Guid value) => new(value);

    public static OrganizationId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out OrganizationId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
