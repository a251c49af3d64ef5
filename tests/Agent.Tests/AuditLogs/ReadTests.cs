using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Tests.Commands;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.AuditLogs;

/// <summary>Reading the audit log: list, tail, export.</summary>
public sealed class ReadTests : CommandFixture
{
    private const string Job = "0192f0c1-0000-7000-8000-00000000beef";

    private static string EventOf(long seq) =>
        $$"""
        {"seq": {{seq}}, "action_key": "token_created", "actor_id": "0192", "actor_email": "ada@example.org", "actor_type": "user",
        "target_id": "t-{{seq}}", "target_email": null, "target_type": "token", "message": "Token {{seq}} was created.",
        "occurred_at": "2026-11-21T16:00:00.5Z"}
        """.ReplaceLineEndings("");

    [Test]
    public async Task Events_are_listed_by_filters_that_must_all_hold()
    {
        Platform.On("GET /api/audit-logs", 200, $$"""{"items": [{{EventOf(7)}}], "total_count": 12, "next_cursor": "x"}""");
        var ended = await Machine.RunAsync(
            "audit-log", "list", "--action", "token_*,policy_updated", "--actor", "ada@example.org", "--target", "t-7", "--from",
            "2026-11-21", "--to", "2026-11-21T17:00:00Z", "--search", "\"token 7\"", "--limit", "1");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(
            ended.Out, Does.Contain("2026-11-21 16:00").And.Contains("ada@example.org").And.Contains("Token 7 was created.")
                .And.Contains("1 of 12 events."));
        var request = Platform.To("GET /api/audit-logs").Single();
        Assert.That(Uri.UnescapeDataString(request.Query), Is.EqualTo(
            "?q=action_key:token_*,policy_updated&q=actor_email:ada@example.org&q=target_id:t-7&search_operator=and&search=\"token 7\""
            + "&from_date=2026-11-21&to_date=2026-11-21T17:00:00Z&sort=-seq&limit=1"));
        Assert.That(request.Headers["X-Org-Name"], Is.EqualTo(RecordedPlatform.Org));

        ended = await Machine.RunAsync("audit-log", "list", "--json");
        Assert.That((long)ended.Json()["items"]![0]!["seq"]!, Is.EqualTo(7));
    }

    [TestCase("--from", "yesterday")]
    [TestCase("--to", "2026-13-01")]
    [TestCase("--limit", "0")]
    public async Task What_cannot_be_meant_is_refused_here(string option, string value)
    {
        var ended = await Machine.RunAsync("audit-log", "list", option, value);
        Assert.That(ended.ExitCode, Is.EqualTo(64), ended.Error);
        Assert.That(Platform.Requests, Is.Empty);
    }

    [Test]
    public async Task Who_follows_the_log_says_that_it_lost_the_connection_and_skips_and_repeats_nothing()
    {
        Platform.On("GET /api/audit-logs", 200, $$"""{"items": [{{EventOf(3)}}], "total_count": 3, "next_cursor": null}""");
        var attempts = 0;
        Platform.On("GET /api/audit-logs/stream", async (request, response) =>
        {
            var (attempt, last) = (++attempts, long.Parse(request.Headers["Last-Event-ID"], CultureInfo.InvariantCulture));
            if (attempt == 3)
            {
                response.StatusCode = 503;
                return;
            }

            response.ContentType = "text/event-stream";
            // More than comes: the connection breaks behind what was sent.
            response.ContentLength = attempt == 1 ? 1_000_000 : null;
            await response.WriteAsync($"retry: 1000\n\n: at {last}\nid: {last}\n\n");
            switch (attempt)
            {
                case 1:
                    // What filters leave out moves the position on. An event that came in part is no event.
                    await response.WriteAsync("id: 5\n\n");
                    await response.WriteAsync($"id: 6\nevent: token_created\ndata: {EventOf(6)}\n\n");
                    await response.WriteAsync($"id: 7\nevent: token_created\ndata: {EventOf(7)}");
                    break;
                case 2:
                    // The end of a stream that was open long enough is no loss.
                    await response.WriteAsync($"id: 7\nevent: token_created\ndata: {EventOf(7)}\n\n");
                    break;
                default:
                    await response.WriteAsync($"id: 7\nevent: token_created\ndata: {EventOf(7)}\n\n");
                    await response.WriteAsync($"id: 8\nevent: token_created\ndata: {EventOf(8)}\n\n");
                    break;
            }
        });
        var ended = await Machine.RunAsync("audit-log", "tail", "--json", "--count", "3", "--action", "token_created");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(
            ended.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (long)JsonNode.Parse(line)!["seq"]!),
            Is.EqualTo(new[] { 6L, 7, 8 }));
        var streams = Platform.To("GET /api/audit-logs/stream");
        Assert.That(streams.Select(request => request.Headers["Last-Event-ID"]), Is.EqualTo(new[] { "3", "6", "7", "7" }));
        Assert.That(Uri.UnescapeDataString(streams[0].Query), Is.EqualTo("?q=action_key:token_created&search_operator=and"));
        Assert.That(ended.Error.Split("The connection was lost"), Has.Length.EqualTo(3), ended.Error);
        Assert.That(ended.Error.Split("nothing was skipped"), Has.Length.EqualTo(3), ended.Error);
    }

    [Test]
    public async Task Who_may_not_follow_the_log_is_told_so_at_once()
    {
        Platform.On("GET /api/audit-logs/stream", 403, """{"title": "Not allowed", "status": 403}""");
        var ended = await Machine.RunAsync("audit-log", "tail", "--after", "0");
        Assert.That((ended.ExitCode, ended.Error.Contains("403", StringComparison.Ordinal)), Is.EqualTo((2, true)), ended.Error);
    }

    [Test]
    public async Task An_export_goes_on_where_its_download_broke_and_is_verified_with_its_proof()
    {
        var (log, content) = ServeExport();
        var sent = new List<string>();
        Platform.On("GET /api/audit-logs/export/" + Job + "/download", async (request, response) =>
        {
            var from = request.Headers.TryGetValue("Range", out var range)
                ? int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture) : 0;
            sent.Add(range ?? "");
            if (sent.Count == 2)
            {
                response.StatusCode = 503;
                return;
            }

            response.StatusCode = from > 0 ? 206 : 200;
            response.ContentLength = content.Length - from;
            var until = sent.Count switch { 1 => 1_000, 3 => 2_000, _ => content.Length };
            await response.Body.WriteAsync(content.AsMemory(from, until - from));
        });
        var ended = await Machine.RunAsync(
            "audit-log", "export", "--output", Path.Combine(Machine.Home, "log.jsonl"), "--action", "token_created", "--from", "2026-01-01",
            "--verify", "--key", FakeLog.Signer.Key.ToString());
        Assert.That(ended.ExitCode, Is.Zero, ended.Error + ended.Out);
        Assert.That(ended.Out, Does.Contain("300 events in").And.Contains("Verified: 300 events are as they were signed."));
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(Machine.Home, "log.jsonl")), Is.EqualTo(content));
        Assert.That(sent[0], Is.Empty);
        Assert.That(sent.Skip(1).Select(range => range.Length > 0), Is.All.True);
        var whole = Platform.To($"GET /api/audit-logs/export/{Job}/download")[^1];
        Assert.That(whole.Headers["If-Range"], Does.StartWith("\""));
        var started = Platform.To("POST /api/audit-logs/export").Single();
        Assert.That(started.Json().GetProperty("q")[0].GetString(), Is.EqualTo("action_key:token_created"));
        Assert.That(started.Json().GetProperty("from_date").GetString(), Is.EqualTo("2026-01-01"));
        Assert.That(started.Headers["X-Org-Name"], Is.EqualTo(RecordedPlatform.Org));
        Assert.That(File.Exists(Path.Combine(Machine.Home, "log.jsonl.part")), Is.False);
        Assert.That(log.Entries, Has.Count.EqualTo(300));
    }

    [Test]
    public async Task An_export_that_was_interrupted_is_fetched_from_where_it_was()
    {
        var (_, content) = ServeExport();
        Machine.Write("log.jsonl.part", Encoding.UTF8.GetString(content.AsSpan(0, 1_234)));
        Platform.On("GET /api/audit-logs/export/" + Job + "/download", async (request, response) =>
        {
            Assert.That(request.Headers["Range"], Is.EqualTo("bytes=1234-"));
            response.StatusCode = 206;
            await response.Body.WriteAsync(content.AsMemory(1_234));
        });
        var ended = await Machine.RunAsync("audit-log", "export", "-o", Path.Combine(Machine.Home, "log.jsonl"), "--job", Job);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(ended.Error, Does.Contain("audit-log verify"));
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(Machine.Home, "log.jsonl")), Is.EqualTo(content));
        Assert.That(Platform.To("POST /api/audit-logs/export"), Is.Empty);
    }

    [Test]
    public async Task What_is_not_what_the_manifest_says_is_not_handed_on()
    {
        var (_, content) = ServeExport();
        content[^5] ^= 1;
        Platform.On("GET /api/audit-logs/export/" + Job + "/download", async (_, response) => await response.Body.WriteAsync(content));
        var ended = await Machine.RunAsync("audit-log", "export");
        Assert.That((ended.ExitCode, ended.Out), Is.EqualTo((2, "")));
        Assert.That(ended.Error, Does.Contain("SHA-256"));
        ended = await Machine.RunAsync("audit-log", "export", "-o", Path.Combine(Machine.Home, "log.jsonl"));
        Assert.That(ended.ExitCode, Is.EqualTo(2));
        Assert.That(Directory.EnumerateFiles(Machine.Home, "log.jsonl*"), Is.Empty);
    }

    [Test]
    public async Task Without_a_file_the_events_go_to_standard_output()
    {
        var (_, content) = ServeExport();
        Platform.On("GET /api/audit-logs/export/" + Job + "/download", async (_, response) => await response.Body.WriteAsync(content));
        var ended = await Machine.RunAsync("audit-log", "export");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(Encoding.UTF8.GetBytes(ended.Out), Is.EqualTo(content));
    }

    [Test]
    public async Task A_failed_export_says_why()
    {
        Platform.On("POST /api/audit-logs/export", 202, JobOf("pending", 0));
        Platform.On($"GET /api/audit-logs/export/{Job}", 200, JobOf("failed", 40, "It took too long."));
        var ended = await Machine.RunAsync("audit-log", "export");
        Assert.That((ended.ExitCode, ended.Error.Contains("It took too long.", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    private static string JobOf(string status, int progress, string? error = null) => JsonSerializer.Serialize(
        new Dictionary<string, object?>
        {
            ["id"] = Job,
            ["status"] = status,
            ["progress"] = progress,
            ["total_records"] = 300,
            ["error_message"] = error,
            ["format"] = "jsonl",
        });

    /// <summary>An export of 300 events, but for its download.</summary>
    private (FakeLog Log, byte[] Content) ServeExport()
    {
        var log = new FakeLog(300);
        var folder = Directory.CreateDirectory(Path.Combine(Machine.Home, "served")).FullName;
        var file = log.Export(folder);
        var name = file[..^".jsonl".Length];
        var content = File.ReadAllBytes(file);
        var manifest = JsonNode.Parse(File.ReadAllText(name + ".manifest.json"))!;
        manifest["size"] = content.Length;
        Platform.On("POST /api/audit-logs/export", 202, JobOf("pending", 0));
        Platform.On($"GET /api/audit-logs/export/{Job}", 200, JobOf("running", 40));
        Platform.On($"GET /api/audit-logs/export/{Job}", 200, JobOf("completed", 100));
        Platform.On($"GET /api/audit-logs/export/{Job}/manifest", 200, manifest.ToJsonString());
        Platform.On($"GET /api/audit-logs/export/{Job}/proof", 200, File.ReadAllText(name + ".proof.jsonl"), "application/jsonl");
        return (log, content);
    }
}
