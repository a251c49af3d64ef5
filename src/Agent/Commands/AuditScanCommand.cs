using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Shows the vulnerabilities of an environment without logging it: the platform scans the packages and stores nothing.</summary>
internal sealed class AuditScanCommand : Command
{
    private readonly Option<bool> _json = new("--json")
    {
        Description = "One JSON object a line for each environment: the platform's answer with name, prefix and what was left out."
    };
    private readonly Option<string> _failOn = new("--fail-on")
    {
        Description = $"End with 1 where a vulnerability is this severe or more: {string.Join(", ", Severity.Thresholds)}.",
        HelpName = "SEVERITY",
        DefaultValueFactory = _ => Severity.Thresholds[0],
    };

    public AuditScanCommand(Surroundings surroundings)
        : base("scan", "Show the vulnerabilities of an environment without logging it.")
    {
        _failOn.AcceptOnlyFromAmong(Severity.Thresholds);
        Add(_json);
        Add(_failOn);
        var target = TargetOptions.AddTo(this, files: true);
        SetAction((parsed, ct) => RunAsync(parsed, target, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, TargetOptions target, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var screen = new Screen(surroundings);
        var failOn = parsed.GetValue(_failOn)!;
        var found = false;
        var incomplete = false;
        foreach (var environment in target.Collect(parsed, surroundings).ToArray())
        {
            CollectionNotes.Print(environment, screen);
            CollectionNotes.RequirePackages(environment);
            var answer = await ScanAsync(session, environment, ct);
            var result = answer.As(AgentJson.Default.ScanResult);
            if (parsed.GetValue(_json))
            {
                WriteJson(answer, environment, screen);
            }
            else
            {
                Write(result, environment, screen);
            }

            incomplete |= environment.NotExact.Count > 0;
            found |= result.Packages.SelectMany(Alerting).Any(finding => Severity.Reaches(finding.Severity, failOn));
        }

        // What is not known may be worse than what was found: neither 0 nor 1 would be the whole answer.
        return incomplete ? ExitCodes.CouldNot : found ? ExitCodes.Found : ExitCodes.Fine;
    }

    private static async Task<PlatformAnswer> ScanAsync(Session session, CollectedEnvironment environment, CancellationToken ct)
    {
        using var progress = new Progress(session.Surroundings);
        progress.Show($"Scanning {environment.Name} ({environment.Packages.Count} packages)...");
        // The scan needs only the fields that identify packages.
        var packages = environment.Packages.Select(package => package with { Sha256 = null, License = null, Requested = null });
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new ScanRequest([.. packages], environment.Prefix, environment.Name, environment.Platform), AgentJson.Default.ScanRequest);
        return await session.Client.WriteAsync(HttpMethod.Post, session.Path("scans"), () => JsonBody.Of(body), CallOptions.Usual, ct);
    }

    /// <summary>The findings that count: a person has mitigated, cleared or disputed the others.</summary>
    private static IEnumerable<FindingView> Alerting(ScannedPackage package) =>
        (package.Vulnerabilities ?? []).Where(finding => finding.Status is not ("mitigated" or "cleared" or "disputed"));

    private static void Write(ScanResult result, CollectedEnvironment environment, Screen screen)
    {
        var rows = result.Packages
            .SelectMany(package => Alerting(package).Select(finding => (package, finding)))
            .OrderByDescending(row => Severity.Rank(row.finding.Severity))
            .ThenByDescending(row => row.finding.Cvss)
            .ThenBy(row => row.package.Name, StringComparer.Ordinal)
            .ThenByDescending(row => row.finding.Id, StringComparer.Ordinal)
            .Select(row => FindingTable.Row(row.finding, $"{row.package.Name} {row.package.Version}"))
            .ToArray();
        if (rows.Length > 0)
        {
            screen.Table(FindingTable.Columns, rows);
        }

        var summary = result.Summary ?? new ScanSummary();
        var counts = new SeverityCounts(summary.Total, summary.Critical, summary.High, summary.Medium, summary.Low, summary.Unknown);
        screen.Line($"{environment.Name}: {result.Packages.Count} packages, vulnerabilities: {Severity.Text(counts)}.");
        if (summary.NotChecked + environment.NotExact.Count > 0)
        {
            screen.Line($"Not checked: {string.Join(", ", NotChecked(result, environment))}.");
        }

        if (environment.NotExact.Count > 0)
        {
            screen.Line($"{environment.Name} is read incompletely: {environment.NotExact.Count} could not be read in full, see above. "
                + "What else is in it is not known.");
        }

        if (result.Upgrades?.Commands is [_, ..] commands)
        {
            screen.Line("What clears it, as far as fixes are published:");
            foreach (var command in commands)
            {
                screen.Line("  " + command.Command);
            }
        }
    }

    /// <summary>How many packages were not checked, by reason: no result is silently clean.</summary>
    private static IEnumerable<string> NotChecked(ScanResult result, CollectedEnvironment environment)
    {
        foreach (var (reason, count) in result.Packages.Where(package => package.Coverage == "not_checked")
            .CountBy(package => package.Reason ?? "no_reason_given").OrderByDescending(pair => pair.Value))
        {
            yield return $"{count} ({reason.Replace('_', ' ')})";
        }

        foreach (var (reason, count) in environment.NotExact.CountBy(open => open.Reason).OrderByDescending(pair => pair.Value))
        {
            yield return $"{count} ({reason.Replace('_', ' ')})";
        }
    }

    private static void WriteJson(PlatformAnswer answer, CollectedEnvironment environment, Screen screen)
    {
        var text = JsonNode.Parse(answer.Body)!.AsObject();
        text["name"] = environment.Name;
        text["prefix"] = environment.Prefix;
        CollectionNotes.AddTo(text, environment);
        screen.Json(Encoding.UTF8.GetBytes(text.ToJsonString()));
    }
}
