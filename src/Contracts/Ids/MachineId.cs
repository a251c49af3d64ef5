using System.Text.Json.Serialization;

namespace EnvPlatform.Contracts.Ids;

/// <summary>A machine that a member registered; chosen by the agent and kept in its settings.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<MachineId>))]
public readonly record struct MachineId(Guid Value) : ITypedId<MachineId>
{
    public static MachineId From(Guid value) => new(value);

    public static MachineId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static bool TryParse(string? text, out MachineId id)
    {
        var parsed = Guid.TryParse(text, out var value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => Value.ToString();
}
