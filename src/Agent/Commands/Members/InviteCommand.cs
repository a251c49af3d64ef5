using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>Invites people by their addresses; each has its result.</summary>
internal sealed class InviteCommand : Command
{
    private readonly Argument<string[]> _emails = new("address")
    {
        Description = "E-mail addresses, 200 at most.",
        Arity = ArgumentArity.OneOrMore,
        HelpName = "ADDRESS",
    };
    private readonly Option<string> _role = new("--role")
    {
        Description = "member (as without it), auditor, security_manager or administrator.",
        HelpName = "ROLE",
        DefaultValueFactory = _ => "member",
    };
    private readonly Option<string[]> _groups = new("--group")
    {
        Description = "Id of a group that they are put into; may be given several times.",
        HelpName = "ID",
    };
    private readonly Option<string[]> _seats = new("--seat")
    {
        Description = "A product that they get a seat of; may be given several times.",
        HelpName = "PRODUCT",
    };
    private readonly Option<string?> _message = new("--message") { Description = "For the mail, as plain text.", HelpName = "TEXT" };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public InviteCommand(Surroundings surroundings)
        : base("invite", "Invite people to the organization.")
    {
        _role.AcceptOnlyFromAmong("member", "auditor", "security_manager", "administrator");
        Add(_emails);
        Add(_role);
        Add(_groups);
        Add(_seats);
        Add(_message);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var body = Encoding.UTF8.GetBytes(BodyOf(parsed).ToJsonString());
        var answer = await session.Client.WriteAsync(
            HttpMethod.Post, session.Path("invitations"), () => JsonBody.Of(body), CallOptions.Usual, ct);
        var results = answer.As(AgentJson.Default.InvitedView).Results;
        var code = results.All(result => result.Code is null) ? ExitCodes.Fine : ExitCodes.CouldNot;
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
            return code;
        }

        foreach (var result in results)
        {
            screen.Line($"{result.Email}: {Said(result)}");
        }

        if (results.Any(result => result.Token is not null))
        {
            screen.Note("Hand each link or token to its person alone: it is shown once. Until when: 'envplatform organization show'.");
        }

        return code;
    }

    private JsonObject BodyOf(ParseResult parsed)
    {
        var body = new JsonObject
        {
            ["role"] = parsed.GetValue(_role),
            ["emails"] = ArrayOf(parsed.GetValue(_emails)),
        };
        foreach (var (name, values) in new[] { ("group_ids", parsed.GetValue(_groups)), ("products", parsed.GetValue(_seats)) })
        {
            if (values is { Length: > 0 })
            {
                body[name] = ArrayOf(values);
            }
        }

        if (parsed.GetValue(_message) is { } message)
        {
            body["message"] = message;
        }

        return body;
    }

    private static JsonArray ArrayOf(string[]? values) => new([.. (values ?? []).Select(value => (JsonNode)JsonValue.Create(value))]);

    private static string Said(InvitedView.Result result) => result switch
    {
        { Code: null, Token: null } => "invited by mail",
        { Code: null } => $"invited: {result.Link ?? result.Token}",
        { Code: "member_exists" } => "is a member already",
        { Code: "member_suspended" } => $"is suspended: 'envplatform members resume {result.Email}'",
        { Code: "invitation_exists" } => "is invited already",
        { Code: "email_domain_not_allowed" } => "not invited: the organization invites nobody of this domain",
        { Code: "seats_exhausted" } => "not invited: there are no seats left",
        _ => $"not invited ({result.Code})",
    };
}
