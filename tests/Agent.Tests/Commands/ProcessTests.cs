using System.Diagnostics;

namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>The program itself, started as by a shell.</summary>
public sealed class ProcessTests : CommandFixture
{
    [Test]
    public async Task A_blocked_environment_ends_the_process_with_1_and_the_message_on_standard_error()
    {
        Platform.On($"GET {Orgs}/activation", 200, """{"status": "block", "message": "Old openssl."}""");
        var ended = await RunAsync("check", "--prefix", "/envs/science");
        Assert.That(ended, Is.EqualTo(new Ended(1, "", $"/envs/science is blocked: Old openssl.{Environment.NewLine}")));
    }

    [Test]
    public async Task Usage_errors_and_failures_have_their_exit_codes()
    {
        Assert.That((await RunAsync("nonsense")).ExitCode, Is.EqualTo(64));
        Assert.That((await RunAsync("log", "--prefix", "/nowhere")).ExitCode, Is.EqualTo(2));
        Assert.That((await RunAsync("--version")).Out.Trim(), Is.EqualTo(Surroundings.Version));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "Windows keeps a folder that a process is in.")]
    public async Task A_current_folder_that_was_removed_is_one_sentence_and_2()
    {
        var agent = Path.Combine(TestContext.CurrentContext.TestDirectory, "envplatform");
        var ended = await Machine.RunProgramAsync("/bin/sh", "-c", $"mkdir gone && cd gone && rmdir ../gone && exec '{agent}' status");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.One.StartsWith("envplatform: "));
        });
    }

    [Test]
    public async Task A_failure_that_nobody_foresaw_is_one_sentence_and_2()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var broken = Machine.Surroundings(output, error) with { HomeFolder = null! };
        var exitCode = await CommandLine.RunAsync(["log", "--all"], broken, CancellationToken.None);
        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.EqualTo(2));
            Assert.That(error.ToString().TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.One.Contains("unexpected failure"));
        });
    }

    [Test]
    public async Task A_failure_of_another_thread_is_one_sentence_and_2()
    {
        Machine.Variables["DOTNET_STARTUP_HOOKS"] = typeof(ProcessTests).Assembly.Location;
        var agent = Path.Combine(
            TestContext.CurrentContext.TestDirectory, OperatingSystem.IsWindows() ? "envplatform.exe" : "envplatform");
        // It waits for a token on its standard input, which stays open.
        using var process = Process.Start(Machine.Start(agent, "login", "--url", Platform.Url, "--token", "-"))!;
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Multiple(async () =>
        {
            Assert.That(process.ExitCode, Is.EqualTo(2));
            Assert.That(
                (await error).TrimEnd(),
                Is.EqualTo("envplatform: unexpected failure (InvalidOperationException): thrown by another thread"));
        });
    }

    [Test]
    public void A_task_that_fails_unseen_is_one_sentence_and_no_success()
    {
        using var error = new StringWriter();
        var ends = new List<int>();
        var last = new LastHandler(error, ends.Add);
        last.OfTask(new AggregateException(new HttpRequestException("given up"), new AggregateException(new OperationCanceledException())));
        Assert.That((last.ExitCodeOf(0), error.ToString()), Is.EqualTo((0, "")), "a connection that was given up");

        last.OfTask(new AggregateException(new InvalidOperationException("a\nb")));
        Assert.Multiple(() =>
        {
            Assert.That((last.ExitCodeOf(0), last.ExitCodeOf(1), last.ExitCodeOf(64)), Is.EqualTo((2, 1, 64)));
            Assert.That(error.ToString(), Is.EqualTo("envplatform: unexpected failure (InvalidOperationException): a b" + error.NewLine));
            Assert.That(ends, Is.Empty);
        });
    }

    [Test]
    public async Task A_record_that_is_not_UTF_8_does_not_keep_other_environments_from_being_logged()
    {
        var bad = Machine.Environment("envs/bad");
        var good = Machine.Environment("envs/good");
        await File.WriteAllBytesAsync(
            Path.Combine(bad, "conda-meta/zlib-1.2.11-0.json"), [.. "{\"name\": \"zl"u8, 0xff, 0xfe, .. "ib\"}"u8]);
        Machine.Write(".conda/environments.txt", bad + "\n" + good + "\n");
        Platform.On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}").On($"POST {Orgs}/environment-logs", 200, """
            {"environment_id": "0192f0c1-0000-7000-8000-000000000002", "created": false, "changed": false, "status": "ok", "packages": 2, "scan": "done"}
            """);
        var ended = await RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.Error, Does.Contain("zlib-1.2.11-0.json"));
            Assert.That(
                Platform.Requests.Where(request => request.Json().TryGetProperty("prefix", out _))
                    .Select(request => request.Json().GetProperty("prefix").GetString()), Is.SupersetOf(new[] { bad, good }), ended.Error);
        });
    }

    private Task<Ended> RunAsync(params string[] args) =>
        Machine.RunProgramAsync(
            Path.Combine(TestContext.CurrentContext.TestDirectory, OperatingSystem.IsWindows() ? "envplatform.exe" : "envplatform"), args);
}
