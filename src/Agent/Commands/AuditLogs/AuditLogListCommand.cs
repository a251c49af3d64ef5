using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.AuditLogs;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>Lists events of the audit log, the latest first.</summary>
internal sealed class AuditLogListCommand : Command
{
    private static readonly IReadOnlyList<Column> Columns =
    [
        new("SEQ", Right: true, Optional: true), new("TIME"), new("ACTION"), new("ACTOR"), new("MESSAGE", Wraps: true),
        new("TARGET", Optional: true),
    ];

    private readonly EventFilters _filters = new();

    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };

    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public AuditLogListCommand(Surroundings surroundings)
        : base("list", "List events of the audit log, the latest first.")
    {
        _filters.AddTo(this);
        Add(_limit);
        Add(_json);
        _limit.Validators.Add(ListLimit.Check);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var query = Session.Query(
        [
            .. _filters.Query(parsed), ("search", _filters.Search(parsed)), ("from_date", _filters.From(parsed)),
            ("to_date", _filters.To(parsed)), ("sort", "-seq"), ("limit", parsed.GetValue(_limit).ToString(CultureInfo.InvariantCulture)),
        ]);
        var answer = await new AuditLogClient(session.Client, session.Organization).ListAsync(query, ct);
        return PageOutput.Show(
            surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageEventView, "events", Columns, one =>
            [
                one.Seq.ToString(CultureInfo.InvariantCulture), Times.Minute(one.OccurredAt), one.ActionKey, one.Actor, one.Message,
                one.Target,
            ]);
    }
}
