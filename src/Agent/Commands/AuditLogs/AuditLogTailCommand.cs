using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;

using EnvPlatform.Agent.AuditLogs;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>Follows the audit log: what is stored from now on, or since an event, one line each, until it is interrupted.</summary>
internal sealed class AuditLogTailCommand : Command
{
    private readonly EventFilters _filters = new();

    private readonly Option<long?> _after = new("--after")
    {
        Description = "Begin after the event of this number; 0 for the first. Without it, with the next one.",
        HelpName = "SEQ"
    };

    private readonly Option<int?> _count = new("--count") { Description = "End after so many events.", HelpName = "N" };
    private readonly Option<bool> _json = new("--json") { Description = "Print each event as JSON, as the platform sends it." };

    public AuditLogTailCommand(Surroundings surroundings)
        : base("tail", "Print the events of the audit log as they are stored.")
    {
        _filters.AddNamesTo(this);
        Add(_after);
        Add(_count);
        Add(_json);
        _after.Validators.Add(result => CheckLeast(result, 0));
        _count.Validators.Add(result => CheckLeast(result, 1));
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        using var session = Session.Open(surroundings);
        var client = new AuditLogClient(session.Client, session.Organization);
        var after = parsed.GetValue(_after) ?? await NewestAsync(client, ct);
        var stream = new EventStream(client, surroundings.Clock, why => screen.Note(
            why is null
                ? "The log is followed again; nothing was skipped."
                : $"The connection was lost ({why.TrimEnd('.')}); trying again."));
        var left = parsed.GetValue(_count);
        await foreach (var (_, text) in stream.FollowAsync(after, Session.Query([.. _filters.Query(parsed)]), ct))
        {
            if (parsed.GetValue(_json))
            {
                screen.Json(System.Text.Encoding.UTF8.GetBytes(text));
            }
            else
            {
                var one = JsonSerializer.Deserialize(text, AgentJson.Default.EventView)!;
                screen.Line($"{one.OccurredAt.ToUniversalTime():yyyy-MM-dd HH:mm:ss}  {one.ActionKey}  {one.Actor}  {one.Message}");
            }

            await surroundings.Out.FlushAsync(ct);
            if (--left == 0)
            {
                break;
            }
        }

        return ExitCodes.Fine;
    }

    /// <summary>
    /// The number of the newest event, before the log is followed: whoever loses its connection before the first event comes goes on here.
    /// </summary>
    private static async Task<long> NewestAsync(AuditLogClient client, CancellationToken ct) =>
        (await client.ListAsync("?sort=-seq&limit=1", ct)).As(AgentJson.Default.PageEventView).Items is [var newest, ..] ? newest.Seq : 0;

    private static void CheckLeast(OptionResult result, long least)
    {
        if (result.Tokens is [var token]
            && !(long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least))
        {
            result.AddError($"{result.IdentifierToken?.Value} is a number from {least}.");
        }
    }
}
