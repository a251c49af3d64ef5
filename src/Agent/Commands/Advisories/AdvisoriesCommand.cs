using System.CommandLine;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>The operators' commands for vulnerability data.</summary>
internal sealed class AdvisoriesCommand : Command
{
    public AdvisoriesCommand(Surroundings surroundings)
        : base("advisories", "The vulnerability data of the platform (operators only).")
    {
        Add(new ImportCommand(surroundings));
        Add(new ImportsCommand(surroundings));
        Add(new RejectionsCommand(surroundings));
        Add(new FeedsCommand(surroundings));
        Add(new EcosystemsCommand(surroundings));
        Add(new SyncCommand(surroundings));
    }
}
