using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Registers this machine with the organization. Logging does so automatically; repeating it changes nothing.</summary>
internal sealed class RegisterCommand : Command
{
    public RegisterCommand(Surroundings surroundings)
        : base("register", "Register this machine with the organization.")
    {
        var json = new Option<bool>("--json") { Description = "Answer in JSON." };
        Add(json);
        SetAction((parsed, ct) => RunAsync(parsed.GetValue(json), surroundings, ct));
    }

    private static async Task<int> RunAsync(bool json, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        await Machine.RegisterAsync(session, ct);
        var id = Machine.IdOf(session);
        if (json)
        {
            surroundings.Out.WriteLine(
                $$"""{"machine_id":"{{id}}","hostname":"{{JsonEncodedText.Encode(surroundings.HostName)}}","platform":"{{CondaPlatform.OfThisMachine()}}"}""");
        }
        else
        {
            new Screen(surroundings).Line(
                $"Machine {id} ({surroundings.HostName}, {CondaPlatform.OfThisMachine()}) is registered with {session.Organization}.");
        }

        return ExitCodes.Fine;
    }
}
