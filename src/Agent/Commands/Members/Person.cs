using System.CommandLine;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>A member as the command line names it: by its id or by its e-mail address.</summary>
internal static class Person
{
    public static Argument<string> Argument() => new("member") { Description = "Its id or e-mail address.", HelpName = "MEMBER" };

    /// <param name="state">Where it is looked for by its address; null: among those who were not removed.</param>
    /// <exception cref="AgentException">There is no such member, or the caller may not look for addresses.</exception>
    public static async Task<(MemberView Member, PlatformAnswer Answer)> FindAsync(
        Session session, string text, string? state, CancellationToken ct)
    {
        if (!Guid.TryParse(text, out var id))
        {
            id = await IdOfAsync(session, text, state, ct);
        }

        var answer = await session.Client.GetAsync(session.Path($"members/{id}"), CallOptions.Usual, ct);
        return (answer.As(AgentJson.Default.MemberView), answer);
    }

    private static async Task<Guid> IdOfAsync(Session session, string address, string? state, CancellationToken ct)
    {
        var query = Session.Query(("search", address), ("state", state), ("limit", "1000"));
        var found = (await session.Client.GetAsync(session.Path("members") + query, CallOptions.Usual, ct))
            .As(AgentJson.Default.PageMemberView);
        return found.Items.FirstOrDefault(member => string.Equals(member.Email, address, StringComparison.OrdinalIgnoreCase))?.Id
            ?? throw new AgentException(
                state == "removed"
                    ? $"Nobody with the address {address} was removed: see 'envplatform members list --state removed'."
                    : $"There is no member with the address {address}, or your role does not show addresses: name its id.");
    }
}
