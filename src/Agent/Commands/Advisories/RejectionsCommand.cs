using System.CommandLine;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Lists the records that an import left out.</summary>
internal sealed class RejectionsCommand : Command
{
    private readonly Argument<Guid> _id = new("import") { Description = "The import's id; see 'envplatform advisories imports'." };
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public RejectionsCommand(Surroundings surroundings)
        : base("rejections", "List the records that an import left out or that cannot be compared, and why (operators only).")
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
            $"api/v1/advisories/imports/{parsed.GetValue(_id)}/rejections" + Session.Query(("limit", parsed.GetValue(_limit).ToString())),
            CallOptions.Usual, ct);
        return PageOutput.Show(
            surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageRejectionView, "records",
            [new("#", Right: true), new("RECORD"), new("FILE", Optional: true), new("KIND"), new("REASON", Wraps: true)],
            item => [item.Number, item.Record, item.File, (item.Kind ?? "rejected").Replace('_', ' '), item.Reason]);
    }
}
