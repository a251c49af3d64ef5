using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Lists the feeds and how current they are.</summary>
internal sealed class FeedsCommand : Command
{
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public FeedsCommand(Surroundings surroundings)
        : base("feeds", "List the feeds that the platform fetches, and how current they are (operators only).")
    {
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var answer = await client.GetAsync("api/v1/advisories/feeds", CallOptions.Usual, ct);
        var feeds = answer.As(AgentJson.Default.PageFeedView).Items;
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            Write(feeds, screen);
        }

        foreach (var feed in feeds.Where(feed => feed.Stale))
        {
            screen.Warn($"{feed.Name} is not known to be current for too long "
                + $"({(feed.AgeSeconds is { } age ? Times.Length(TimeSpan.FromSeconds(age)) : "never fetched")}).");
        }

        return ExitCodes.Fine;
    }

    /// <summary>The feeds as a table.</summary>
    public static void Write(IReadOnlyList<FeedView> feeds, Screen screen)
    {
        if (feeds.Count > 0)
        {
            screen.Table(Columns, [.. feeds.Select(Row)]);
        }

        screen.Line($"{feeds.Count} feeds.");
        if (feeds.Count > 0 && feeds.All(feed => feed.State == "off"))
        {
            screen.Note(
                "None is fetched: the platform runs without Feeds:Enabled. Import their files with 'envplatform advisories import'.");
        }
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("NAME"), new("FORMAT", Optional: true), new("LAST SUCCESS", Optional: true), new("AGE", Right: true), new("STATE"),
        new("NEXT", Optional: true), new("ERROR", Wraps: true),
    ];

    private static Cell[] Row(FeedView feed) =>
    [
        feed.Name,
        feed.Format,
        Times.Minute(feed.LastSuccessAt) ?? "never",
        new Cell(feed.AgeSeconds is { } age ? Times.Length(TimeSpan.FromSeconds(age)) : "never", feed.Stale ? "yellow" : null),
        feed.BytesFetched is null ? feed.State ?? "unknown" : $"{feed.State}, {feed.Bytes()}",
        Times.Minute(feed.NextAt) ?? "not planned",
        new Cell(feed.Error ?? "", "red"),
    ];
}
