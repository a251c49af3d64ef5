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

    private readonly Option<string?> _status = new("--status")
    {
        Description = "List vulnerabilities of these statuses, by commas; 'all' for all. By default active,reported, which alone count.",
        HelpName = "STATUSES",
    };
    private readonly Option<string?> _vulnerability = new("--vulnerability")
    {
        Description = "Look for this one only, by its CVE id, an alias or an advisory's id. Ends with 2 where the answer is not known.",
        HelpName = "ID",
    };
    private readonly Option<bool> _wide = new("--wide") { Description = EnvVulnerabilitiesCommand.WideDescription };

    public AuditScanCommand(Surroundings surroundings)
        : base("scan", "Show the vulnerabilities of an environment without logging it.")
    {
        _failOn.AcceptOnlyFromAmong(Severity.Thresholds);
        _vulnerability.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var id }] && string.IsNullOrWhiteSpace(id))
            {
                result.AddError("--vulnerability wants an id, such as CVE-2022-0778.");
            }
        });
        Add(_json);
        Add(_failOn);
        Add(_status);
        Add(_vulnerability);
        Add(_wide);
        var target = TargetOptions.AddTo(this, files: true);
        SetAction((parsed, ct) => RunAsync(parsed, target, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, TargetOptions target, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var screen = new Screen(surroundings);
        var failOn = parsed.GetValue(_failOn)!;
        var sought = parsed.GetValue(_vulnerability) is { } id ? await SoughtVulnerability.LookUpAsync(session, id.Trim(), ct) : null;
        var found = false;
        var open = false;
        foreach (var environment in target.Collect(parsed, surroundings).ToArray())
        {
            CollectionNotes.Print(environment, screen);
            CollectionNotes.RequirePackages(environment, orRanges: true);
            var answer = await ScanAsync(session, environment, ct);
            var result = answer.As(AgentJson.Default.ScanResult);
            var looked = sought?.In(environment, result);
            if (parsed.GetValue(_json))
            {
                WriteJson(answer, environment, sought, looked, screen);
            }
            else if (looked is not null)
            {
                Write(looked, parsed.GetValue(_wide), screen);
            }
            else
            {
                Write(result, environment, parsed.GetValue(_status), parsed.GetValue(_wide), screen);
            }

            open |= environment.NotExact.Count > 0 || looked is { Verdict: SoughtVulnerability.Verdict.NotKnown };
            found |= (looked?.Rows.Select(row => row.Finding) ?? result.Packages.SelectMany(package => package.Vulnerabilities ?? []))
                .Any(finding => Counts(finding) && Severity.Reaches(finding.Severity, failOn));
        }

        // What is not known may be worse than what was found: neither 0 nor 1 would be the whole answer.
        return open ? ExitCodes.CouldNot : found ? ExitCodes.Found : ExitCodes.Fine;
    }

    /// <summary>Has the platform scan the packages of an environment, of which it stores nothing.</summary>
    public static async Task<PlatformAnswer> ScanAsync(Session session, CollectedEnvironment environment, CancellationToken ct)
    {
        using var progress = new Progress(session.Surroundings);
        progress.Show($"Scanning {environment.Name} ({environment.Packages.Count} packages)...");
        // The scan needs only the fields that identify packages.
        var packages = environment.Packages
            .Select(one => new ScanPackage(one.Manager, one.Name, one.Version, one.Build, one.Subdir, one.Channel))
            .Concat(environment.Ranges
                .Select(one => new ScanPackage(one.Manager, one.Name, null, Channel: one.Channel, VersionRange: one.Version)));
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new ScanRequest([.. packages], environment.Location ?? environment.Prefix, environment.Name, environment.Platform),
            AgentJson.Default.ScanRequest);
        return await session.Client.WriteAsync(HttpMethod.Post, session.Path("scans"), () => JsonBody.Of(body), CallOptions.Usual, ct);
    }

    /// <summary>Whether a finding counts: the others were judged not to, by the organization or by the platform.</summary>
    public static bool Counts(FindingView finding) => finding.Status is not ("mitigated" or "cleared" or "disputed" or "not_affected");

    private static void Write(ScanResult result, CollectedEnvironment environment, string? status, bool wide, Screen screen)
    {
        var statuses = status?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var all = result.Packages.SelectMany(package => (package.Vulnerabilities ?? []).Select(finding => (package, finding))).ToArray();
        var rows = all.Where(row => statuses is null
            ? Counts(row.finding)
            : statuses.Contains("all") || statuses.Contains(row.finding.Status, StringComparer.OrdinalIgnoreCase)).ToArray();
        WriteTable(rows, wide, screen);

        var summary = result.Summary ?? new ScanSummary();
        var counts = new SeverityCounts(summary.Total, summary.Critical, summary.High, summary.Medium, summary.Low, summary.Unknown);
        screen.Line($"{environment.Name}: {result.Packages.Count} packages, vulnerabilities: {Severity.Text(counts)}.");
        if (statuses is null && all.Length > rows.Length)
        {
            var judged = all.Where(row => !Counts(row.finding)).CountBy(row => row.finding.Status!).OrderByDescending(pair => pair.Value)
                .Select(pair => $"{pair.Value} {pair.Key.Replace('_', ' ')}");
            screen.Line($"Judged and not counted: {string.Join(", ", judged)}; --status all lists them.");
        }

        if (environment.Ranges.Any())
        {
            screen.Line($"No one version is known of {string.Join(", ", environment.Ranges.Select(one => $"{one.Name} {one.Version}"))}: "
                + $"of these, {summary.SomeVersions} more vulnerabilities affect some versions, not all.");
        }

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

    private static void Write(SoughtVulnerability.Answer looked, bool wide, Screen screen)
    {
        WriteTable(looked.Rows, wide, screen);
        screen.Line(looked.Sentence);
    }

    private static void WriteTable(IEnumerable<(ScannedPackage Package, FindingView Finding)> rows, bool wide, Screen screen)
    {
        var cells = rows
            .OrderByDescending(row => Severity.Rank(row.Finding.Severity))
            .ThenByDescending(row => row.Finding.Cvss)
            .ThenBy(row => row.Package.Name, StringComparer.Ordinal)
            .ThenByDescending(row => row.Finding.Id, StringComparer.Ordinal)
            .Select(row => FindingTable.Row(row.Finding, Of(row.Package, row.Finding)))
            .ToArray();
        if (cells.Length > 0)
        {
            screen.Table(FindingTable.Columns, cells, wide);
        }
    }

    private static FindingPackage Of(ScannedPackage package, FindingView finding) =>
        new(package.Manager, package.Name, package.InstalledWith(finding.Id), package.Build, Channel: package.Channel);

    private static void WriteJson(
        PlatformAnswer answer, CollectedEnvironment environment, SoughtVulnerability? sought, SoughtVulnerability.Answer? looked,
        Screen screen)
    {
        var text = JsonNode.Parse(answer.Body)!.AsObject();
        text["name"] = environment.Name;
        text["prefix"] = environment.Prefix;
        CollectionNotes.AddTo(text, environment);
        if (looked is not null)
        {
            text["sought"] = new JsonObject
            {
                ["asked"] = sought!.Asked,
                ["id"] = sought.Known?.Id,
                ["answer"] = looked.Verdict switch
                {
                    SoughtVulnerability.Verdict.Found => "found",
                    SoughtVulnerability.Verdict.Curated => "curated",
                    SoughtVulnerability.Verdict.NotFound => "not_found",
                    _ => "not_known",
                },
                ["text"] = looked.Sentence,
                ["packages"] = new JsonArray(
                    [
                        .. looked.Rows.Select(row => $"{row.Package.Name} {row.Package.Installed}").Distinct()
                            .Select(name => (JsonNode)name),
                    ]),
                ["not_checked"] = looked.NotChecked,
            };
        }

        screen.Json(Encoding.UTF8.GetBytes(text.ToJsonString()));
    }
}
