using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>Gives a member another role, unless somebody else changed the member meanwhile.</summary>
internal sealed class RoleCommand : Command
{
    private readonly Argument<string> _member = Person.Argument();
    private readonly Argument<string> _role = new("role")
    {
        Description = "member, auditor, security_manager or administrator.",
        HelpName = "ROLE",
    };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON: the member as it is now." };

    public RoleCommand(Surroundings surroundings)
        : base("role", "Give a member another role.")
    {
        _role.AcceptOnlyFromAmong("member", "auditor", "security_manager", "administrator");
        Add(_member);
        Add(_role);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var (member, _) = await Person.FindAsync(session, parsed.GetValue(_member)!, null, ct);
        var role = parsed.GetValue(_role)!;
        var body = Encoding.UTF8.GetBytes(new JsonObject { ["role"] = role }.ToJsonString());
        var answer = await session.Client.WriteAsync(
            HttpMethod.Patch, session.Path($"members/{member.Id}"), () => JsonBody.Of(body), CallOptions.Usual, ct,
            ifMatch: member.Version?.ToString());
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        screen.Line(
            member.Role == role ? $"Nothing to change: {member.DisplayName} is {role}." : $"{member.DisplayName} is {role} now.");
        return ExitCodes.Fine;
    }
}
