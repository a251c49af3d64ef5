using System.CommandLine;
using System.Net;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Organizations;

/// <summary>Shows all settings to who may see them, and to everybody else what binds members.</summary>
internal sealed class ShowCommand : Command
{
    public ShowCommand(Surroundings surroundings)
        : base("show", "Show the organization's settings: all that you may see.")
    {
        var json = new Option<bool>("--json") { Description = "Answer in JSON, as the platform sends it." };
        Add(json);
        SetAction((parsed, ct) => RunAsync(parsed.GetValue(json), surroundings, ct));
    }

    private static async Task<int> RunAsync(bool json, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var (answer, all) = await FindAsync(session, ct);
        var screen = new Screen(surroundings);
        if (json)
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        OrganizationCommand.Write(screen, answer.As(AgentJson.Default.JsonElement));
        if (!all)
        {
            screen.Note("Only what binds members: your role does not show the other settings.");
        }

        return ExitCodes.Fine;
    }

    private static async Task<(PlatformAnswer Answer, bool All)> FindAsync(Session session, CancellationToken ct)
    {
        try
        {
            return (await session.Client.GetAsync(session.Path("settings"), CallOptions.Usual, ct), true);
        }
        catch (RefusedException refused) when (refused.Status == HttpStatusCode.Forbidden)
        {
            return (await session.Client.GetAsync(session.Path("").TrimEnd('/'), CallOptions.Usual, ct), false);
        }
    }
}
