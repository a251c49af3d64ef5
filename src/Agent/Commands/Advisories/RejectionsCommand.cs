using System.CommandLine;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Lists the records that an import left out.</summary>
internal sealed class RejectionsCommand : Command
{
    private readonly Argument<Guid> _id = new("import") { Description = "The import's id; see 'envplatform advisories imports'." };
    private readonly Option<int> _limit = new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public RejectionsCommand(Surroundings surroundings)
        : base("rejections", "List the records that an import left out, and why (operators only).")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_id);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var answer = await client.GetAsync(
            $"api/v1/advisories/imports/{parsed.GetValue(_id)}/rejections" + Session.Query(("limit", parsed.GetValue(_limit).ToString())), CallOptions.Usual, ct);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        var page = answer.As(AgentJson.Default.PageRejectionView);
        if (page.Items.Count > 0)
            screen.Table([new("#", Right: true), new("RECORD"), new("FILE", Optional: true), new("REASON", Wraps: true)],
                [.. page.Items.Select(item => new Cell[] { item.Number, item.Record, item.File, item.Reason })]);
        screen.Line(page.TotalCount > page.Items.Count ? $"{page.Items.Count} of {page.TotalCount} records." : $"{page.TotalCount} records.");
        return ExitCodes.Fine;
    }
}
