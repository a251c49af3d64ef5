using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>Lists the people of the organization, a page at a time.</summary>
internal sealed class ListCommand : Command
{
    private readonly Option<string?> _search = new("--search") { Description = "Part of the name or address.", HelpName = "TEXT" };
    private readonly Option<string?> _role = new("--role")
    {
        Description = "Only this role: member, auditor, security_manager, administrator.",
        HelpName = "ROLE",
    };
    private readonly Option<string?> _state = new("--state")
    {
        Description = "Only this state: active, suspended, removed. Without it all but those who were removed.",
        HelpName = "STATE",
    };
    private readonly Option<string?> _group =
        new("--group") { Description = "Only those in this group, by id or name.", HelpName = "GROUP" };
    private readonly Option<string?> _seat = new("--seat")
    {
        Description = "Only those with a seat of this product: environments, audit_api.",
        HelpName = "PRODUCT",
    };
    private readonly Option<string?> _sort = new("--sort")
    {
        Description = "A field, with - before it for descending: name, role, email, joined_at, last_active_at.",
        HelpName = "FIELD",
    };
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<string?> _cursor =
        new("--cursor") { Description = "The page that follows another, as that one named it.", HelpName = "CURSOR" };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public ListCommand(Surroundings surroundings)
        : base("list", "List the members that you may see.")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_search);
        Add(_role);
        Add(_state);
        Add(_group);
        Add(_seat);
        Add(_sort);
        Add(_limit);
        Add(_cursor);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var query = Session.Query(
            ("search", parsed.GetValue(_search)), ("role", parsed.GetValue(_role)), ("state", parsed.GetValue(_state)),
            ("group", parsed.GetValue(_group)), ("seat", parsed.GetValue(_seat)), ("sort", parsed.GetValue(_sort)),
            ("limit", parsed.GetValue(_limit).ToString()), ("cursor", parsed.GetValue(_cursor)));
        var answer = await session.Client.GetAsync(session.Path("members") + query, CallOptions.Usual, ct);
        var asJson = parsed.GetValue(_json);
        var code = PageOutput.Show(surroundings, answer, asJson, AgentJson.Default.PageMemberView, "members", Columns, Row);
        if (!asJson && answer.As(AgentJson.Default.PageMemberView).NextCursor is { } next)
        {
            new Screen(surroundings).Note($"The next page: the same command with --cursor {next}");
        }

        return code;
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("ID"), new("NAME", Wraps: true), new("ROLE"), new("EMAIL", Optional: true), new("STATE"),
        new("GROUPS", Wraps: true, Optional: true), new("SEATS", Optional: true), new("ACTIVE", Optional: true),
    ];

    /// <summary>To a member the platform says names and roles alone.</summary>
    private static Cell[] Row(MemberView member) =>
    [
        member.Id.ToString(),
        member.DisplayName,
        member.Role,
        member.Email ?? "not shown",
        member.State ?? "active",
        ShowCommand.GroupsOf(member) ?? "not shown",
        ShowCommand.SeatsOf(member) ?? "not shown",
        ShowCommand.ActivityOf(member) ?? "not shown",
    ];
}
