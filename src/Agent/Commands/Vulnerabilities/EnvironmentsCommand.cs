using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Vulnerabilities;

/// <summary>Lists the environments that a vulnerability affects.</summary>
internal sealed class EnvironmentsCommand : Command
{
    private readonly Argument<string> _id = VulnerabilityCommand.Id();
    private readonly Option<bool> _archived = new("--archived") { Description = "The archived ones." };
    private readonly Option<string?> _sort = new("--sort")
    {
        Description = "A field, with - before it for descending: name, prefix, platform, max_cvss, vulnerabilities, scanned_at.",
        HelpName = "FIELD"
    };
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public EnvironmentsCommand(Surroundings surroundings)
        : base("environments", "List the environments that a vulnerability affects, of those that you may see.")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_id);
        Add(_archived);
        Add(_sort);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var query = Session.Query(
            ("archived", parsed.GetValue(_archived) ? "true" : null), ("sort", parsed.GetValue(_sort)),
            ("limit", parsed.GetValue(_limit).ToString()));
        var answer = await session.Client.GetAsync(
            session.Path(VulnerabilityCommand.PathOf(parsed.GetValue(_id)!) + "/environments") + query, CallOptions.Usual, ct);
        if (parsed.GetValue(_json))
        {
            new Screen(surroundings).Json(answer.Body);
            return ExitCodes.Fine;
        }

        var page = answer.As(AgentJson.Default.AffectedPage);
        if (page.FoundBy is { } by)
        {
            new Screen(surroundings).Line(by.Text(page.Vulnerability ?? "another vulnerability"));
        }

        var shown = new Page<AffectedEnvironment>(page.Items, page.TotalCount, page.NextCursor);
        PageOutput.Show(surroundings, shown, "environments", Columns, Row);
        if (page.NotCompared is { Count: > 0 } open)
        {
            Tell(open, page.NotComparedEnvironments, new Screen(surroundings));
        }

        return ExitCodes.Fine;
    }

    /// <summary>Not found is not the same as not affected where versions cannot be compared.</summary>
    private static void Tell(IReadOnlyList<NotComparedView> open, long environments, Screen screen)
    {
        screen.Line(environments == 1
            ? "1 environment may be affected and is not counted: the advisory cannot be compared with its versions."
            : $"{environments} environments may be affected and are not counted: the advisory cannot be compared with their versions.");
        foreach (var one in open)
        {
            screen.Warn(one.Text());
        }
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("ID"), new("NAME", Wraps: true), new("STATUS"), new("PACKAGES", Wraps: true), new("HELD AS"), new("USER", Optional: true),
        new("MACHINE", Optional: true),
        new("PLATFORM", Optional: true),
    ];

    private static Cell[] Row(AffectedEnvironment environment) =>
    [
        environment.Id.ToString(),
        environment.Name,
        Severity.Status(environment.Status),
        string.Join(", ", (environment.Packages ?? []).Select(package => $"{package.Name} {package.Version}")),
        string.Join(", ", (environment.Packages ?? []).Select(package => package.Status).Distinct(StringComparer.Ordinal)),
        environment.User?.Email ?? environment.User?.DisplayName ?? "unknown",
        environment.Machine?.Hostname ?? "unknown",
        environment.Platform ?? "unknown",
    ];
}
