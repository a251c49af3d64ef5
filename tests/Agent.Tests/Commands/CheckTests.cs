using System.Diagnostics;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class CheckTests : CommandFixture
{
    private const string Activation = $"GET {Orgs}/activation";

    /// <summary>The first call of a cold listener on a busy machine may take longer than an activation should wait.</summary>
    [SetUp]
    public void WaitLonger() => Machine.Variables["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "10000";

    [Test]
    public async Task A_usable_environment_is_no_news()
    {
        Platform.On(Activation, 200,
            """{"status": "ok", "message": null, "environment_id": "0192f0c1-0000-7000-8000-0000000000e1", "reasons": []}""");
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.Multiple(() =>
        {
            Assert.That(ended, Is.EqualTo(new Ended(0, "", "")));
            Assert.That(
                Platform.Requests.Single().Query, Is.EqualTo("?machine_id=0192f0c1-0000-7000-8000-000000000001&prefix=%2Fenvs%2Fscience"));
        });
    }

    [TestCase("block", 1)]
    [TestCase("warn", 0)]
    public async Task The_administrators_message_goes_to_standard_error(string status, int exitCode)
    {
        Platform.On(Activation, 200, $$"""{"status": "{{status}}", "message": "Use science-2 instead.\u001b[2J"}""");
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(exitCode));
            Assert.That(ended.Error, Does.Contain("Use science-2 instead.").And.Not.Contains("\u001b"));
            Assert.That(ended.Out, Is.Empty);
        });
    }

    private const string ByPolicy = """
        {"status": "warn", "message": "Upgrade openssl.", "environment_id": "0192f0c1-0000-7000-8000-0000000000e1", "reasons": [
          {"kind": "policy", "message": "Upgrade openssl.", "status": "warn", "policy": "kev", "rule": "exploited", "deadline": "2026-12-12T10:00:00Z", "more_findings": 7,
           "unknown": ["The licence of zlib is not known."], "findings": [
             {"vulnerability": "CVE-1", "package": "openssl", "version": "1.1.1k", "fix": "1.1.1n"}, {"vulnerability": "CVE-2", "package": "curl"},
             {"package": "gpl\u001b[2J", "version": "3"}, {"vulnerability": "CVE-4"}]},
          {"kind": "of_tomorrow", "message": "The moon is full.", "moon": {}}, {"kind": "manual", "message": "Upgrade openssl."}, 7, {"kind": "policy", "findings": 3}]}
        """;

    [Test]
    public async Task What_policies_have_against_an_environment_is_told_and_survives_in_the_cache()
    {
        Platform.On(Activation, 200, ByPolicy);
        var fresh = await Machine.RunAsync("check", "--prefix", "/envs/science");
        await Platform.DisposeAsync();
        var cached = await Machine.RunAsync("check", "--prefix", "/envs/science");
        string[] expected =
        [
            "warning for /envs/science: Upgrade openssl.",
            "  policy kev, rule exploited, blocks from 2026-12-12 10:00 UTC",
            "    CVE-1 in openssl 1.1.1k, fix: 1.1.1n",
            "    CVE-2 in curl",
            "    gpl\uFFFD[2J 3",
            "    and 8 more",
            "    not known: The licence of zlib is not known.",
            "  The moon is full.",
            "  policy that the platform does not name",
            "  What to upgrade: 'envplatform env fix 0192f0c1-0000-7000-8000-0000000000e1'.",
        ];
        Assert.Multiple(() =>
        {
            Assert.That(Lines(fresh), Is.EqualTo(expected));
            Assert.That(Lines(cached).Take(expected.Length), Is.EqualTo(expected));
            Assert.That(Lines(cached)[expected.Length], Does.StartWith("(answered from the cache"));
            Assert.That((fresh.ExitCode, cached.ExitCode), Is.EqualTo((0, 0)));
        });

        static string[] Lines(Ended ended) => ended.Error.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }

    [Test]
    public async Task What_is_not_shown_of_many_reasons_is_counted()
    {
        var reasons = string.Join(
            ", ", Enumerable.Range(1, 7).Select(number => $$"""{"kind": "policy", "policy": "p{{number}}", "rule": "r"}"""));
        Platform.On(Activation, 200, $$"""{"status": "block", "message": "No.", "reasons": [{{reasons}}]}""");
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(1));
            Assert.That(ended.Error, Does.Contain("policy p5, rule r").And.Not.Contains("p6").And.Contains("and 2 more reasons"));
            Assert.That(ended.Error, Does.Not.Contain("env fix"), "nothing that an upgrade would clear is named");
        });
    }

    [Test]
    public async Task An_environment_that_was_never_logged_may_be_used()
    {
        Platform.On(Activation, 200, """{"status": "unknown"}""");
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.That((ended.ExitCode, ended.Error.Contains("never logged", StringComparison.Ordinal)), Is.EqualTo((0, true)));
    }

    [Test]
    public async Task A_slow_platform_is_not_waited_for_longer_than_300_ms_and_the_last_answer_counts()
    {
        using var never = new CancellationTokenSource();
        Platform.On(Activation, 200, """{"status": "block", "message": "Old openssl."}""")
            .On(Activation, async (_, response) => await WaitAsync(response, never.Token));
        Assert.That((await Machine.RunAsync("check", "--prefix", "/envs/science")).ExitCode, Is.EqualTo(1));

        Machine.Variables.Remove("ENVPLATFORM_CHECK_TIMEOUT_MS");
        var started = Stopwatch.GetTimestamp();
        var slow = await Machine.RunAsync("check", "--prefix", "/envs/science");
        var took = Stopwatch.GetElapsedTime(started);
        await never.CancelAsync();
        Assert.Multiple(() =>
        {
            Assert.That(slow.ExitCode, Is.EqualTo(1));
            Assert.That(slow.Error, Does.Contain("Old openssl.").And.Contains("cache").And.Contains("did not answer within 300 ms"));
            Assert.That(took, Is.GreaterThan(TimeSpan.FromMilliseconds(250)).And.LessThan(TimeSpan.FromSeconds(3)));
        });
    }

    [Test]
    public async Task A_platform_that_is_away_answers_as_last_time_and_json_says_so()
    {
        Platform.On(Activation, 200, """{"status": "ok", "environment_id": "0192f0c1-0000-7000-8000-0000000000e1", "reasons": []}""");
        var fresh = (await Machine.RunAsync("check", "--prefix", "/envs/science", "--json")).Json();
        await Platform.DisposeAsync();
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science", "--json");
        var cached = ended.Json();
        Assert.Multiple(() =>
        {
            Assert.That((string)fresh["source"]!, Is.EqualTo("platform"));
            Assert.That(ended.ExitCode, Is.Zero);
            Assert.That((string)cached["source"]!, Is.EqualTo("cache"));
            Assert.That((string)cached["status"]!, Is.EqualTo("ok"));
            Assert.That(ended.Error, Does.Contain("cannot be reached"));
        });
    }

    [TestCase(401)]
    [TestCase(500)]
    [TestCase(429)]
    public async Task A_platform_that_refuses_to_say_does_not_lift_a_block(int status)
    {
        Platform.On(Activation, 200, """{"status": "block", "message": "Old openssl."}""").On(Activation, status, "{}");
        await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.That((await Machine.RunAsync("check", "--prefix", "/envs/science")).ExitCode, Is.EqualTo(1));
    }

    [Test]
    public async Task Without_platform_and_cache_it_ends_with_2()
    {
        await Platform.DisposeAsync();
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.That((ended.ExitCode, ended.Error.Contains("not possible", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task The_answers_of_one_environment_are_not_those_of_another()
    {
        Platform.On(Activation, 200, """{"status": "block"}""");
        await Machine.RunAsync("check", "--prefix", "/envs/science");
        await Platform.DisposeAsync();
        Assert.That((await Machine.RunAsync("check", "--prefix", "/envs/other")).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task It_registers_nothing_and_asks_nothing_for_a_machine_that_has_no_id()
    {
        Machine.Variables.Remove("ENVPLATFORM_MACHINE_ID");
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero);
            Assert.That(Platform.Requests, Is.Empty);
            Assert.That(File.Exists(Machine.SettingsFile), Is.False);
        });
    }

    [Test]
    public async Task A_cache_that_is_broken_or_cannot_be_written_is_no_error()
    {
        Platform.On(Activation, 200, """{"status": "ok"}""");
        Machine.Variables["ENVPLATFORM_CACHE"] = "/proc/nowhere";
        Assert.That((await Machine.RunAsync("check", "--prefix", "/envs/science")).ExitCode, Is.Zero);

        Machine.Variables.Remove("ENVPLATFORM_CACHE");
        await Machine.RunAsync("check", "--prefix", "/envs/science");
        var file = Directory.GetFiles(Path.Combine(Machine.Home, ".cache/envplatform/activation")).Single();
        await Platform.DisposeAsync();
        foreach (var broken in new[] { "{ broken", """{"status": "\ud800", "checked_at": "2026-11-21T10:00:00Z"}""" })
        {
            await File.WriteAllTextAsync(file, broken);
            var run = await Machine.RunAsync("check", "--prefix", "/envs/science");
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.Not.Contain("unexpected"), "it is as if there were none");
        }
    }

    [Test]
    public async Task The_answer_of_a_log_is_known_to_the_next_check()
    {
        Platform.On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}").On($"POST {Orgs}/environment-logs", 200, """
            {"environment_id": "0192f0c1-0000-7000-8000-0000000000e1", "created": true, "changed": true, "digest": "x", "status": "block", "message": "No.", "packages": 2, "scan": "pending"}
            """);
        var prefix = Machine.Environment();
        await Machine.RunAsync("log", "--prefix", prefix);
        await Platform.DisposeAsync();
        Assert.That((await Machine.RunAsync("check", "--prefix", prefix)).ExitCode, Is.EqualTo(1));
    }

    private static async Task WaitAsync(HttpResponse response, CancellationToken ct)
    {
        var gone = response.HttpContext.RequestAborted;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, gone);
        var released = new TaskCompletionSource();
        await using var registration = either.Token.Register(released.SetResult);
        await released.Task;
    }
}
