using System.CommandLine;

namespace EnvPlatform.Agent.Commands.Invitations;

/// <summary>What one is invited to.</summary>
internal sealed class InvitationsCommand : Command
{
    public InvitationsCommand(Surroundings surroundings)
        : base("invitations", "The organizations that invite you.")
    {
        Add(new ListCommand(surroundings));
        Add(new AcceptCommand(surroundings));
        Add(new DeclineCommand(surroundings));
    }
}
