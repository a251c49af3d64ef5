using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Vulnerabilities;

/// <summary>Shows a vulnerability.</summary>
internal sealed class ShowCommand : Command
{
    private readonly Argument<string> _id = VulnerabilityCommand.Id();
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public ShowCommand(Surroundings surroundings)
        : base("show", "Show a vulnerability.")
    {
        Add(_id);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var answer = await session.Client.GetAsync(session.Path(VulnerabilityCommand.PathOf(parsed.GetValue(_id)!)), CallOptions.Usual, ct);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            Write(answer.As(AgentJson.Default.VulnerabilityView), screen);
        }

        return ExitCodes.Fine;
    }

    private static void Write(VulnerabilityView vulnerability, Screen screen)
    {
        if (vulnerability.FoundBy is { } by)
        {
            screen.Line(by.Text(vulnerability.Id));
        }

        screen.Fields(
            ("id", vulnerability.Id),
            ("aliases", List(vulnerability.Aliases)),
            ("advisories", List(vulnerability.Advisories)),
            ("severity", vulnerability.Severity ?? "unknown"),
            ("cvss", vulnerability.Cvss is { } cvss ? $"{cvss.ToString("0.0", CultureInfo.InvariantCulture)} ({vulnerability.CvssVector})"
                : null),
            ("epss",
                vulnerability.Epss?.ToString("0.00000", CultureInfo.InvariantCulture) ?? "unknown: no EPSS file that was imported has it"),
            ("exploited", vulnerability.Kev switch
            {
                true => "yes, says CISA",
                false => "not listed by CISA",
                null => "unknown: no catalogue was imported",
            }),
            ("status",
                vulnerability.CuratedAt is { } since ? $"{vulnerability.Status}, since {Times.Minute(since)} UTC" : vulnerability.Status),
            ("environments", vulnerability.Environments?.ToString()),
            ("published", Times.Minute(vulnerability.PublishedAt)),
            ("modified", Times.Minute(vulnerability.ModifiedAt)),
            ("summary", vulnerability.Summary));
        foreach (var open in vulnerability.NotCompared ?? [])
        {
            screen.Warn(open.Text());
        }

        if (vulnerability.Description is { Length: > 0 } description && description != vulnerability.Summary)
        {
            screen.Line();
            screen.Line(description.TrimEnd());
        }
    }

    private static string? List(IReadOnlyList<string>? ids) => ids is { Count: > 0 } ? string.Join(", ", ids) : null;
}
