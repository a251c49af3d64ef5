using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// What follows a sign-in to an organization that manages environments: the machine is registered, the activation hook is offered, and all
/// environments are logged for the first time.
/// </summary>
internal sealed class MachineSetUp(Surroundings surroundings, bool yes, bool noInstall)
{
    private readonly Screen _screen = new(surroundings);

    /// <param name="isPerson">
    /// False for a token or password that was handed over, as scripts do: without <c>--yes</c> or a terminal nothing is done.
    /// </param>
    public async Task<int> RunAsync(OrganizationView organization, bool isPerson, CancellationToken ct)
    {
        if (organization.EnvironmentsEnabled == false)
        {
            return ExitCodes.Fine;
        }

        var isTerminal = surroundings.InIsTerminal && surroundings.ErrorIsTerminal;
        if (!isPerson && !yes && !noInstall && !isTerminal)
        {
            _screen.Note("Next: envplatform log --all");
            return ExitCodes.Fine;
        }

        _screen.Note(
            $"{organization.Title} {(organization.EnvironmentsRequired == true ? "requires" : "recommends")} environment management: "
            + "your conda environments are logged to it, and an environment that it has blocked cannot be activated.");
        var install = yes || (!noInstall && isTerminal && await AskAsync(ct));
        var result = await RegisterAsync(ct);
        if (install)
        {
            result = Worse(result, HookCommand.Install(surroundings));
            result = Worse(result, await CommandLine.RunAsync(["log", "--all"], surroundings, ct));
        }
        else
        {
            _screen.Note(
                "Next: 'envplatform log --all' logs your environments, 'envplatform hook SHELL --install' checks each activation.");
        }

        return result;
    }

    private async Task<bool> AskAsync(CancellationToken ct)
    {
        await surroundings.Error.WriteAsync("Install the activation check into your shell and log all environments now? [Y/n] ");
        return (await surroundings.In.ReadLineAsync(ct))?.Trim().ToUpperInvariant() is "" or "Y" or "YES";
    }

    private async Task<int> RegisterAsync(CancellationToken ct)
    {
        try
        {
            using var session = Session.Open(surroundings);
            await Machine.RegisterAsync(session, ct);
            _screen.Note($"This machine ({surroundings.HostName}) is registered.");
            return ExitCodes.Fine;
        }
        catch (AgentException failure)
        {
            _screen.Note($"envplatform: you are signed in, but this machine could not be registered: {failure.Message}");
            return failure.ExitCode;
        }
    }

    private static int Worse(int one, int other) => one == ExitCodes.Fine ? other : one;
}
