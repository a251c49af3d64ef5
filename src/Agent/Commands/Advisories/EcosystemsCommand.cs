using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Lists of which ecosystems all advisories were imported, and of which that is not known.</summary>
internal sealed class EcosystemsCommand : Command
{
    private const string NotKnown = "not known";
    private const string Nvd = "NVD";

    /// <summary>Those that conda's packages come from.</summary>
    private static readonly string[] Expected = ["PyPI", "CRAN", "Bioconductor", Nvd];

    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public EcosystemsCommand(Surroundings surroundings)
        : base("ecosystems", "List of which ecosystems all advisories are known, by what, and since when (operators only).")
    {
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var answer = await client.GetAsync("api/v1/advisories/ecosystems", CallOptions.Usual, ct);
        var complete = answer.As(AgentJson.Default.PageEcosystemView).Items;
        var screen = new Screen(surroundings);
        var missing = Expected.Except(complete.Select(one => one.Ecosystem), StringComparer.Ordinal).ToArray();
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            screen.Table(Columns, [.. complete.Select(Row), .. missing.Select(name => Missing(name, complete))]);
        }

        if (missing.Length > 0)
        {
            screen.Warn($"It is not known that all advisories of {string.Join(", ", missing)} were imported: that nothing was found in a "
                + "package of these means nothing where no advisory names its project.");
        }

        return ExitCodes.Fine;
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("ECOSYSTEM"), new("COMPLETE"), new("SOURCE"), new("RECORDS", Right: true), new("SINCE", Optional: true), new("LAST WHOLE FILE"),
    ];

    private static Cell[] Row(EcosystemView one) =>
    [
        one.Ecosystem,
        "yes",
        one.Basis switch
        {
            null => NotKnown,
            "stated" => "stated by an operator",
            "export" => "official export",
            var basis => basis,
        },
        one.Records?.ToString() ?? NotKnown,
        Times.Minute(one.Since) ?? NotKnown,
        Times.Minute(one.ConfirmedAt) ?? NotKnown,
    ];

    private static Cell[] Missing(string name, IReadOnlyList<EcosystemView> complete)
    {
        var years = name == Nvd ? complete.Count(one => one.Ecosystem.StartsWith(Nvd + ":", StringComparison.Ordinal)) : 0;
        return [name, new Cell(years > 0 ? $"{years} years of it" : NotKnown, "yellow"), "", "", "", ""];
    }
}
