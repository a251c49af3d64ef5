using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Prints the commands that clear an environment of its vulnerabilities. It runs none of them.</summary>
internal sealed class EnvFixCommand : Command
{
    private readonly Option<string?> _severity = new("--severity")
    {
        Description = "Clear these severities, by commas: critical, high, medium, low, none, unknown.",
        HelpName = "SEVERITIES"
    };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public EnvFixCommand(Surroundings surroundings)
        : base("fix", "Print the commands that clear an environment of its vulnerabilities, and run none of them.")
    {
        var environment = EnvironmentArgument.AddTo(this);
        Add(_severity);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, environment, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, EnvironmentArgument environment, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var id = await environment.ResolveAsync(parsed, session, ct);
        var path = session.Path($"environments/{id}/upgrades") + Session.Query(("severity", parsed.GetValue(_severity)));
        var answer = await session.Client.GetAsync(path, CallOptions.Usual, ct);
        var upgrades = answer.As(AgentJson.Default.UpgradesView);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            UpgradeLines.Write(upgrades, screen);
        }

        return upgrades.Unfixed is [_, ..] ? ExitCodes.Found : ExitCodes.Fine;
    }
}
