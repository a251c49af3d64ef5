using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Organizations;

/// <summary>What the organization has decided for everybody in it.</summary>
internal sealed class OrganizationCommand : Command
{
    public OrganizationCommand(Surroundings surroundings)
        : base("organization", "What your organization has decided for everybody in it.")
    {
        Add(new ShowCommand(surroundings));
        Add(new SetCommand(surroundings));
    }

    /// <summary>One setting per line. A time or a text that is not set is said to be so.</summary>
    public static void Write(Screen screen, JsonElement settings) => screen.Table(
        [new("setting"), new("value", Wraps: true)],
        [.. settings.EnumerateObject().Select(field => new Cell[] { new(field.Name), new(TextOf(field.Value)) })]);

    private static string TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "not set",
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        JsonValueKind.Array => value.GetArrayLength() == 0 ? "any" : string.Join(", ", value.EnumerateArray().Select(TextOf)),
        JsonValueKind.String => value.GetString()!,
        _ => value.GetRawText(),
    };
}
