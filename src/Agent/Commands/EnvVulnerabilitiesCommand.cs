using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Shows the vulnerabilities of an environment, package by package, and on request why each was found.</summary>
internal sealed class EnvVulnerabilitiesCommand : Command
{
    /// <summary>Of <c>--wide</c>, in every command that shows findings.</summary>
    public const string WideDescription = "Show every column, however narrow the terminal is.";

    private readonly Option<bool> _why =
        new("--why") { Description = "Say of each by which advisory and range it was found, and what the package was taken for." };
    private readonly Option<string?> _severity = new("--severity")
    {
        Description = "Of these severities, by commas: critical, high, medium, low, none, unknown.",
        HelpName = "SEVERITIES"
    };
    private readonly Option<string?> _status = new("--status")
    {
        Description = "Of these statuses, by commas; 'all' for all. By default active,reported.",
        HelpName = "STATUSES",
    };

    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many vulnerabilities, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _wide = new("--wide") { Description = WideDescription };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public EnvVulnerabilitiesCommand(Surroundings surroundings)
        : base("vulnerabilities", "Show the vulnerabilities of an environment, and why each was found.")
    {
        _limit.Validators.Add(ListLimit.Check);
        var environment = EnvironmentArgument.AddTo(this);
        Add(_why);
        Add(_severity);
        Add(_status);
        Add(_limit);
        Add(_wide);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, environment, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, EnvironmentArgument environment, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var id = await environment.ResolveAsync(parsed, session, ct);
        var query = Session.Query(
            ("severity", parsed.GetValue(_severity)), ("status", parsed.GetValue(_status)), ("sort", "-cvss"),
            ("limit", parsed.GetValue(_limit).ToString()));
        var answer = await session.Client.GetAsync(session.Path($"environments/{id}/vulnerabilities") + query, CallOptions.Usual, ct);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            Write(answer.As(AgentJson.Default.PageFindingView), parsed.GetValue(_why), parsed.GetValue(_wide), screen);
        }

        return ExitCodes.Fine;
    }

    private static void Write(Page<FindingView> vulnerabilities, bool why, bool wide, Screen screen)
    {
        if (why)
        {
            foreach (var finding in vulnerabilities.Items)
            {
                Explain(finding, screen);
            }
        }
        else if (vulnerabilities.Items.Count > 0)
        {
            screen.Table(FindingTable.Columns, [.. vulnerabilities.Items.SelectMany(finding => (finding.Packages ?? []).Select(package =>
                FindingTable.Row(finding, package)))], wide);
        }

        foreach (var left in vulnerabilities.Items.Select(FindingTable.LeftOut).OfType<string>())
        {
            screen.Line(left);
        }

        if (vulnerabilities.Items.Count < vulnerabilities.TotalCount)
        {
            screen.Line($"{vulnerabilities.Items.Count} of {vulnerabilities.TotalCount} vulnerabilities; see --limit.");
        }
        else if (vulnerabilities.Items.Count == 0)
        {
            screen.Line("No vulnerability of these is known. What was not checked: see the environment's packages.");
        }
    }

    private static void Explain(FindingView finding, Screen screen)
    {
        screen.Line($"{finding.Id}  {finding.Severity ?? "unknown"}{(finding.Cvss is { } cvss ? $" {cvss:0.0}" : "")}"
            + $"{finding.Kev switch { true => "  exploited", false => "", null => "  exploited: unknown" }}  {finding.Summary}");
        foreach (var package in finding.Packages ?? [])
        {
            screen.Line($"  {package.Name} {package.Version} ({package.Manager}{(package.Status is { } status ? $", {status}" : "")})");
            foreach (var match in package.Matches ?? [])
            {
                var affected = match.Listed
                    ? $"lists the version ({match.Range})"
                    : match.Range == "*" ? "affects every version" : $"affects {match.Range}";
                screen.Line($"    {match.Advisory} {affected}; "
                    + (match.FixedIn is [_, ..] fixedIn ? $"fixed in {string.Join(", ", fixedIn)}" : "no fix is published"));
                foreach (var read in match.BoundsRead ?? [])
                {
                    screen.Line($"      its bound {read.Bound} is no version and was read as {read.ReadAs}");
                }

                if (match.Url is { } url)
                {
                    screen.Line($"      {url}");
                }
            }

            if (package.Mapping is { } mapping)
            {
                screen.Line($"    {mapping.Why} Versions are compared in the order {mapping.Order}.");
            }
        }

        screen.Line();
    }
}
