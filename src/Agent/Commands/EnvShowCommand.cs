using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Shows one environment as the platform knows it, with its vulnerabilities.</summary>
internal sealed class EnvShowCommand : Command
{
    private readonly Option<string?> _statusFilter = new("--status")
    {
        Description = "Vulnerabilities of these statuses, by commas; 'all' for all. By default active,reported.",
        HelpName = "STATUSES",
    };

    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many vulnerabilities, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 50 };
    private readonly Option<bool> _json =
        new("--json") { Description = """Answer in JSON: {"environment": ..., "vulnerabilities": ...}, each as the platform sends it.""" };

    public EnvShowCommand(Surroundings surroundings)
        : base("show", "Show an environment and its vulnerabilities.")
    {
        _limit.Validators.Add(ListLimit.Check);
        var target = EnvironmentArgument.AddTo(this);
        Add(_statusFilter);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, target, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, EnvironmentArgument target, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var id = await target.ResolveAsync(parsed, session, ct);
        var environment = await session.Client.GetAsync(session.Path($"environments/{id}"), CallOptions.Usual, ct);
        var query = Session.Query(
            ("status", parsed.GetValue(_statusFilter)), ("sort", "-cvss"), ("limit", parsed.GetValue(_limit).ToString()));
        var vulnerabilities = await session.Client.GetAsync(
            session.Path($"environments/{id}/vulnerabilities") + query, CallOptions.Usual, ct);

        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(
                [.. """{"environment":"""u8, .. environment.Body, .. ""","vulnerabilities":"""u8, .. vulnerabilities.Body, .. "}"u8]);
        }
        else
        {
            Write(environment.As(AgentJson.Default.EnvironmentView), vulnerabilities.As(AgentJson.Default.PageFindingView), screen);
        }

        return ExitCodes.Fine;
    }

    private static void Write(EnvironmentView environment, Page<FindingView> vulnerabilities, Screen screen)
    {
        screen.Fields(
            ("name", environment.Name),
            ("id", environment.Id.ToString()),
            ("prefix", environment.Prefix),
            ("platform", environment.Platform),
            ("machine", environment.Machine?.Hostname),
            ("user", environment.User?.Email ?? environment.User?.DisplayName),
            ("status", (environment.Status ?? "unknown") + (environment.Message is { Length: > 0 } message ? $": {message}" : "")),
            ("archived", environment.Archived ? "yes" : null),
            ("packages", environment.Packages.ToString()),
            ("incomplete", environment.IncompleteCount switch
            {
                null => "not known: the agent that logged it does not say",
                0 => null,
                var count => $"yes, {count} could not be read in full: "
                    + string.Join(
                        ", ", (environment.Incomplete ?? []).Take(10).Select(one => $"{one.What} ({one.Reason.Replace('_', ' ')})")),
            }),
            ("vulnerabilities", environment.ScannedAt is null ? "the scan is pending" : Severity.Text(environment.Vulnerabilities)),
            ("exploited", environment.ScannedAt is null ? null : environment.Kev switch
            {
                null => "unknown: no catalogue was imported",
                0 => "none is listed by CISA",
                var count => count.ToString(),
            }),
            ("updated", Time(environment.UpdatedAt)),
            ("scanned", Time(environment.ScannedAt)));
        if (vulnerabilities.Items.Count == 0)
        {
            return;
        }

        screen.Line();
        screen.Table(FindingTable.Columns, [.. vulnerabilities.Items.SelectMany(finding => (finding.Packages ?? []).Select(package =>
            FindingTable.Row(finding, package)))]);
        foreach (var left in vulnerabilities.Items.Select(FindingTable.LeftOut).OfType<string>())
        {
            screen.Line(left);
        }

        if (vulnerabilities.TotalCount > vulnerabilities.Items.Count)
        {
            screen.Line($"{vulnerabilities.Items.Count} of {vulnerabilities.TotalCount} vulnerabilities; see --limit.");
        }
    }

    private static string? Time(DateTimeOffset? time) => time?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
