using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>Shows one member.</summary>
internal sealed class ShowCommand : Command
{
    public ShowCommand(Surroundings surroundings)
        : base("show", "Show a member: role, state, groups and seats.")
    {
        var member = Person.Argument();
        var json = new Option<bool>("--json") { Description = "Answer in JSON, as the platform sends it." };
        Add(member);
        Add(json);
        SetAction((parsed, ct) => RunAsync(parsed.GetValue(member)!, parsed.GetValue(json), surroundings, ct));
    }

    /// <summary>Null where the platform does not say.</summary>
    public static string? GroupsOf(MemberView member) =>
        member.Groups is null ? null : ListOf(member.Groups.Select(group => group.Name));

    public static string? SeatsOf(MemberView member) => member.Products is null ? null : ListOf(member.Products);

    public static string? ActivityOf(MemberView member) => member.Version is null ? null
        : member.LastActiveAt?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "never";

    private static string ListOf(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } text ? text : "none";

    /// <summary>Those that the member logged first, archived ones too. Null for who sees the own ones only.</summary>
    private static async Task<string?> EnvironmentsOfAsync(Session session, MemberView member, CancellationToken ct)
    {
        if (member.Version is null)
        {
            return null;
        }

        try
        {
            var query = Session.Query(("user", member.Id.ToString()), ("archived", "all"), ("limit", "1"));
            var answer = await session.Client.GetAsync(session.Path("environments") + query, CallOptions.Usual, ct);
            return answer.As(AgentJson.Default.PageEnvironmentView).TotalCount.ToString(CultureInfo.InvariantCulture);
        }
        catch (AgentException)
        {
            // Another service counts them: who the member is does not wait for it.
            return "not known";
        }
    }

    private static async Task<int> RunAsync(string text, bool json, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var (member, answer) = await Person.FindAsync(session, text, null, ct);
        var screen = new Screen(surroundings);
        if (json)
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        screen.Fields(
            ("Id", member.Id.ToString()), ("Name", member.DisplayName), ("Address", member.Email), ("Role", member.Role),
            ("State", member.State), ("Came by", member.Source), ("Groups", GroupsOf(member)), ("Seats", SeatsOf(member)),
            ("Environments", await EnvironmentsOfAsync(session, member, ct)),
            ("Joined", Times.Minute(member.JoinedAt)), ("Last active", ActivityOf(member)),
            ("Suspended", Times.Minute(member.SuspendedAt)), ("Removed", Times.Minute(member.RemovedAt)));
        return ExitCodes.Fine;
    }
}
