using System.CommandLine;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>The people of the organization.</summary>
internal sealed class MembersCommand : Command
{
    public MembersCommand(Surroundings surroundings)
        : base("members", "The people of your organization.")
    {
        Add(new ListCommand(surroundings));
        Add(new ShowCommand(surroundings));
        Add(new InviteCommand(surroundings));
        Add(new RoleCommand(surroundings));
        Add(new ChangeCommand(
            surroundings, "suspend", "Suspend a member: its tokens open nothing in the organization until it is resumed.", "is suspended"));
        Add(new ChangeCommand(surroundings, "resume", "Let a suspended member back in, with all that it had.", "is active again"));
        Add(new ChangeCommand(
            surroundings, "remove",
            "Remove a member: its tokens for the organization are revoked. What it logged stays; 'reinstate' brings it back.",
            "is removed"));
        Add(new ChangeCommand(
            surroundings, "reinstate", "Bring back who was removed, or left, with the groups and seats that it had.", "is a member again"));
    }
}
