using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Invitations;

/// <summary>Declines an invitation.</summary>
internal sealed class DeclineCommand : Command
{
    public DeclineCommand(Surroundings surroundings)
        : base("decline", "Decline an invitation to your address.")
    {
        var id = new Argument<Guid>("id") { Description = "The invitation's id, from the list." };
        Add(id);
        SetAction((parsed, ct) => RunAsync(parsed.GetValue(id), surroundings, ct));
    }

    private static async Task<int> RunAsync(Guid id, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        await client.WriteAsync(HttpMethod.Post, $"api/v1/me/invitations/{id}/decline", null, CallOptions.Usual, ct);
        new Screen(surroundings).Line("Declined.");
        return ExitCodes.Fine;
    }
}
