using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Has the platform check feeds now, and waits for that on request.</summary>
internal sealed class SyncCommand : Command
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly Argument<string[]> _names =
        new("name") { Description = "The feeds; all without any.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<bool> _wait = new("--wait") { Description = "Wait until they are fetched and imported; 2 when one fails." };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON: the feeds as the platform sends them." };

    public SyncCommand(Surroundings surroundings)
        : base("sync", "Look at feeds now rather than when they are due (operators only).")
    {
        Add(_names);
        Add(_wait);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var screen = new Screen(surroundings);
        var asked = await AskAsync(client, parsed.GetValue(_names)!, ct);
        var answer = await client.GetAsync("api/v1/advisories/feeds", CallOptions.Usual, ct);
        if (parsed.GetValue(_wait))
        {
            using var progress = new Progress(surroundings, alsoPlain: true);
            while (Unfinished(answer, asked) is { Length: > 0 } unfinished)
            {
                await ShowAsync(client, progress, unfinished, asked.Count, ct);
                await Task.Delay(Pause, surroundings.Clock, ct);
                answer = await client.GetAsync("api/v1/advisories/feeds", CallOptions.Usual, ct);
            }
        }

        var feeds = answer.As(AgentJson.Default.PageFeedView).Items.Where(feed => asked.ContainsKey(feed.Name)).ToArray();
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
        }
        else
        {
            FeedsCommand.Write(feeds, screen);
        }

        return parsed.GetValue(_wait) && feeds.Any(feed => feed.Error is not null) ? ExitCodes.CouldNot : ExitCodes.Fine;
    }

    /// <returns>When each feed was requested, by the platform's clock.</returns>
    private static async Task<Dictionary<string, DateTimeOffset?>> AskAsync(PlatformClient client, string[] names, CancellationToken ct)
    {
        var asked = new Dictionary<string, DateTimeOffset?>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var answer = await client.WriteAsync(
                HttpMethod.Post, $"api/v1/advisories/feeds/{Uri.EscapeDataString(name)}/sync", null, CallOptions.Usual, ct);
            asked[name] = answer.As(AgentJson.Default.FeedView).RequestedAt;
        }

        if (names.Length == 0)
        {
            var answer = await client.WriteAsync(HttpMethod.Post, "api/v1/advisories/feeds/sync", null, CallOptions.Usual, ct);
            foreach (var feed in answer.As(AgentJson.Default.PageFeedView).Items)
            {
                asked[feed.Name] = feed.RequestedAt;
            }
        }

        return asked;
    }

    private static FeedView[] Unfinished(PlatformAnswer answer, Dictionary<string, DateTimeOffset?> asked) =>
    [
        .. answer.As(AgentJson.Default.PageFeedView).Items.Where(feed =>
            asked.TryGetValue(feed.Name, out var at) && feed.State != "off" && !(feed.State == "waiting" && feed.LastAttemptAt > at)),
    ];

    private static async Task ShowAsync(PlatformClient client, Progress progress, FeedView[] unfinished, int asked, CancellationToken ct)
    {
        var feed = unfinished.FirstOrDefault(one => one.State is "importing")
            ?? unfinished.FirstOrDefault(one => one.State is "fetching") ?? unfinished[0];
        var (step, detail, done) = (feed.State ?? "", feed.BytesFetched is null ? "" : feed.Bytes(), feed.Fraction());
        if (feed is { State: "importing", ImportId: { } import })
        {
            var answer = await client.GetAsync($"api/v1/advisories/imports/{Uri.EscapeDataString(import)}", CallOptions.Usual, ct);
            (step, detail, done) = ImportFollowing.Step(answer.As(AgentJson.Default.ImportView));
            step = step.ToLowerInvariant();
        }

        progress.Show($"{asked - unfinished.Length} of {asked} feeds done; {feed.Name}: {step}", detail, done);
    }
}
