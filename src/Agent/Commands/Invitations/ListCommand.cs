using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Invitations;

/// <summary>Lists the open invitations to the address of whoever is signed in.</summary>
internal sealed class ListCommand : Command
{
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public ListCommand(Surroundings surroundings)
        : base("list", "List the open invitations to your address.")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var answer = await client.GetAsync(
            "api/v1/me/invitations" + Session.Query(("limit", parsed.GetValue(_limit).ToString())), CallOptions.Usual, ct);
        return PageOutput.Show(
            surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageInvitationView, "invitations", Columns, Row);
    }

    private static readonly IReadOnlyList<Column> Columns =
        [new("ID"), new("ORGANIZATION"), new("NAME", Wraps: true, Optional: true), new("ROLE"), new("EXPIRES")];

    private static Cell[] Row(InvitationView invitation) =>
    [
        invitation.Id.ToString(), invitation.Organization, invitation.OrganizationName, invitation.Role,
        Times.Minute(invitation.ExpiresAt),
    ];
}
