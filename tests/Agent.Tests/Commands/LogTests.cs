using System.Text.Json;

using EnvPlatform.Contracts.Packages;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class LogTests : CommandFixture
{
    private const string Logs = $"POST {Orgs}/environment-logs";
    private const string Registration = $"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001";
    private const string EnvironmentId = "0192f0c1-0000-7000-8000-0000000000e1";

    private static string Logged(string scan = "done", string status = "ok", string message = "null", bool created = true) => $$"""
        {"environment_id": "{{EnvironmentId}}", "created": {{(created ? "true" : "false")}}, "changed": true, "digest": "sha256:x", "status": "{{status}}", "message": {{message}},
         "packages": 2, "vulnerabilities": {{(scan == "done" ? """{"total": 3, "critical": 1, "high": 2, "medium": 0, "low": 0, "unknown": 0}""" : "null")}}, "scan": "{{scan}}"}
        """;

    [SetUp]
    public void AcceptRegistration() => Platform.On(Registration, 200, "{}");

    [Test]
    public async Task What_could_not_be_read_is_logged_bounded_and_said()
    {
        Platform.On(Logs, 201, Logged());
        var prefix = Machine.Environment();
        for (var broken = 0; broken < 1_200; broken++)
        {
            Machine.Write($"envs/science/conda-meta/broken{broken}-1.0-0.json");
        }

        var ended = await Machine.RunAsync("log", "--prefix", prefix);
        var entries = Platform.Requests.Last().Json().GetProperty("incomplete").EnumerateArray().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(entries, Has.Length.EqualTo(1_000));
            Assert.That(entries[0].GetProperty("reason").GetString(), Is.EqualTo("unreadable_record"));
            Assert.That(entries[^1].GetProperty("what").GetString(), Is.EqualTo("201 more"));
            Assert.That(ended.Out, Does.Contain("yes, 1200 could not be read in full"));
            Assert.That(ended.Error, Does.Contain("science was logged as far as it could be read: 1200 could not be read in full."));
            Assert.That(ended.ExitCode, Is.EqualTo(2));
        });
    }

    [Test]
    public async Task An_incomplete_environment_does_not_keep_others_from_being_logged_and_the_end_is_2()
    {
        Machine.Environment(".conda/envs/a");
        Machine.Environment(".conda/envs/b");
        Machine.Write(".conda/envs/a/conda-meta/zlib-1.2.11-0.json");
        Platform.On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--all", "--json");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("a was logged as far as it could be read: 1 ").And.Not.Contains("b was logged"));
            Assert.That(ended.Out.TrimEnd().Split('\n').Count(line => line.Contains("/envs/", StringComparison.Ordinal)), Is.AtLeast(2));
        });
    }

    [Test]
    public async Task Environments_that_may_have_been_missed_are_said_and_the_end_is_2()
    {
        Machine.Environment(".conda/envs/a");
        Machine.Write(".condarc", "envs_dirs: [unclosed");
        Platform.On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("the environments in folders that it names may be missing"));
            Assert.That(ended.Out, Does.Contain("a: logged"));
        });
    }

    [Test]
    public async Task An_environment_that_cannot_be_read_does_not_keep_others_from_being_logged()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Links need a right on Windows.");
        }

        var bad = Machine.Environment(".conda/envs/a");
        Machine.Environment(".conda/envs/b");
        Directory.Delete(Path.Combine(bad, "conda-meta"), recursive: true);
        File.CreateSymbolicLink(Path.Combine(bad, "conda-meta"), Path.Combine(bad, "conda-meta"));
        Platform.On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain($"a ({bad}) was not logged"));
            Assert.That(ended.Out, Does.Contain("b: logged"));
        });
    }

    [Test]
    public async Task Settings_that_cannot_be_read_are_one_sentence()
    {
        Directory.CreateDirectory(Machine.SettingsFile);
        var ended = await Machine.RunAsync("status");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.One.StartsWith(
                $"envplatform: {Machine.SettingsFile} cannot be read ("));
        });
    }

    [Test]
    public async Task The_digest_goes_first_and_the_packages_compressed_only_when_they_are_asked_for()
    {
        Platform.On(Logs, 409, """{"title": "Conflict", "status": 409, "code": "packages_required"}""").On(Logs, 201, Logged());
        var prefix = Machine.Environment();
        for (var more = 0; more < 60; more++)
        {
            Machine.Write(
                $"envs/science/conda-meta/package{more}-1.0-0.json",
                $$"""{"name": "package{{more}}", "version": "1.0", "build": "0", "subdir": "noarch"}""");
        }

        var ended = await Machine.RunAsync("log", "--prefix", prefix);
        var requests = Platform.To(Logs);
        var (brief, full) = (requests[0].Json(), requests[1].Json());
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("science: logged for the first time").And.Contains(EnvironmentId)
                .And.Contains("3 (1 critical, 2 high)"));
            Assert.That(brief.TryGetProperty("packages", out _), Is.False);
            Assert.That(full.GetProperty("packages").GetArrayLength(), Is.EqualTo(62));
            Assert.That(requests[1].Headers["Content-Encoding"], Is.EqualTo("gzip"));
            Assert.That(brief.GetProperty("digest").GetString(), Is.EqualTo(DigestOf(full)));
            Assert.That(full.GetProperty("digest").GetString(), Is.EqualTo(DigestOf(full)));
            Assert.That(full.GetProperty("machine_id").GetString(), Is.EqualTo("0192f0c1-0000-7000-8000-000000000001"));
            Assert.That(full.GetProperty("prefix").GetString(), Is.EqualTo(prefix));
            Assert.That(full.GetProperty("platform").GetString(), Is.EqualTo("linux-64"));
            Assert.That(
                full.GetProperty("command").GetString(), Is.EqualTo("conda install -c https://conda.anaconda.org/t/***/team openssl"));
            Assert.That(requests.Select(request => request.Headers["Idempotency-Key"]), Is.Unique);
            Assert.That(requests[0].Headers["traceparent"], Does.Match("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$"));
        });
    }

    [Test]
    public async Task Who_has_no_seat_is_told_so_once_and_plainly_and_nothing_more_is_tried()
    {
        Machine.Environment(".conda/envs/a");
        Machine.Environment(".conda/envs/b");
        Platform.On(Logs, 403,
            """
            {"title": "You have no seat.", "status": 403,
             "detail": "Logging environments in acme needs a seat, and you have none. What is blocked stays blocked.",
             "code": "seat_required", "trace_id": "0123456789abcdef0123456789abcdef"}
            """);
        var ended = await Machine.RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error.TrimEnd(), Is.EqualTo(
                "envplatform: Logging environments in acme needs a seat, and you have none. What is blocked stays blocked. "
                + "Ask an administrator of the organization for one."));
            Assert.That(Platform.To(Logs), Has.Length.EqualTo(1));
        });
    }

    [Test]
    public async Task A_known_set_is_logged_by_its_digest_alone()
    {
        Platform.On(Logs, 200, Logged(created: false));
        await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That(Platform.To(Logs), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task The_machine_is_registered_once_and_again_when_the_platform_does_not_know_it()
    {
        Platform.On(Logs, 200, Logged()).On(Logs, 200, Logged())
            .On(Logs, 404,
                """{"title": "Not found.", "detail": "The machine is not registered.", "status": 404, "code": "machine_not_registered"}""")
            .On(Logs, 200, Logged());
        var prefix = Machine.Environment();
        await Machine.RunAsync("log", "--prefix", prefix);
        await Machine.RunAsync("log", "--prefix", prefix);
        Assert.That(Platform.To(Registration), Has.Length.EqualTo(1));
        Assert.That(Platform.To(Registration)[0].Json().GetProperty("hostname").GetString(), Is.EqualTo("ada-laptop"));

        var ended = await Machine.RunAsync("log", "--prefix", prefix);
        Assert.That((ended.ExitCode, Platform.To(Registration).Length), Is.EqualTo((0, 2)));
    }

    [Test]
    public async Task A_machine_id_is_made_once_and_a_new_one_where_another_member_has_it()
    {
        Machine.Variables.Remove("ENVPLATFORM_MACHINE_ID");
        var ids = new List<string>();
        Machine.Write(".config/envplatform/settings.json", """{"machine_id": "0192f0c1-0000-7000-8000-000000000001"}""");
        Platform.On(Logs, (received, response) =>
        {
            ids.Add(received.Json().GetProperty("machine_id").GetString()!);
            response.ContentType = "application/json";
            return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(response, Logged());
        });
        await using var strict = await RecordedPlatform.StartAsync();
        strict.On(Registration, 409, """{"status": 409, "code": "machine_taken", "title": "Conflict"}""");
        Machine.Variables["ENVPLATFORM_URL"] = strict.Url;
        var ended = await Machine.RunAsync("register");
        var kept = JsonDocument.Parse(File.ReadAllText(Machine.SettingsFile)).RootElement.GetProperty("machine_id").GetGuid();
        Assert.Multiple(() =>
        {
            Assert.That(strict.Requests.Where(request => request.Method == "PUT").Select(request => request.Path).Last(),
                Does.EndWith(kept.ToString()));
            Assert.That(kept.Version, Is.EqualTo(7));
            Assert.That(kept, Is.Not.EqualTo(Guid.Parse("0192f0c1-0000-7000-8000-000000000001")));
            Assert.That(ended.ExitCode, Is.EqualTo(2), "the listener knows no second machine");
        });
    }

    [TestCase(429)]
    [TestCase(503)]
    public async Task A_platform_that_asks_for_patience_gets_it_with_the_same_idempotency_key(int status)
    {
        Platform.On(Logs, status, "{}", "application/json", ("Retry-After", "0"))
            .On(Logs, status, "{}", "application/json", ("Retry-After", "0")).On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, Platform.To(Logs).Length), Is.EqualTo((0, 3)));
        Assert.That(Platform.To(Logs).Select(request => request.Headers["Idempotency-Key"]).Distinct().Count(), Is.EqualTo(1));
    }

    [TestCase(502, "")]
    [TestCase(504, "")]
    [TestCase(409, "idempotent_request_running")]
    public async Task What_another_attempt_may_mend_is_tried_again_with_the_same_idempotency_key(int status, string code)
    {
        Platform.On(Logs, status, $$"""{"title": "x", "status": {{status}}, "code": "{{code}}"}""").On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, Platform.To(Logs).Length), Is.EqualTo((0, 2)), ended.Error);
        Assert.That(Platform.To(Logs).Select(request => request.Headers["Idempotency-Key"]).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_connection_that_breaks_is_made_again_with_the_same_idempotency_key()
    {
        Platform.On(Logs, (_, response) => Broken(response)).On(Logs, (_, response) => Broken(response)).On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, Platform.To(Logs).Length), Is.EqualTo((0, 3)), ended.Error);
        Assert.That(Platform.To(Logs).Select(request => request.Headers["Idempotency-Key"]).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_log_whose_answer_was_lost_is_sent_once_more_under_a_key_of_its_own()
    {
        const string lost = """{"title": "Conflict", "status": 409, "code": "idempotent_answer_lost"}""";
        Platform.On(Logs, (_, response) => Broken(response)).On(Logs, 409, lost).On(Logs, 200, Logged(created: false));
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, Platform.To(Logs).Length), Is.EqualTo((0, 3)), ended.Error);
        var keys = Platform.To(Logs).Select(request => request.Headers["Idempotency-Key"]).ToArray();
        Assert.That((keys[0] == keys[1], keys[1] == keys[2]), Is.EqualTo((true, false)));
    }

    private static Task Broken(HttpResponse response)
    {
        response.HttpContext.Abort();
        return Task.CompletedTask;
    }

    [Test]
    public async Task Patience_has_an_end()
    {
        Platform.On(Logs, 429, """{"title": "Too many requests", "status": 429}""", "application/json", ("Retry-After", "3600"));
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, Platform.To(Logs).Length), Is.EqualTo((2, 1)));
    }

    [Test]
    public async Task Json_is_the_platforms_answer_with_name_and_prefix()
    {
        Platform.On(Logs, 200, Logged(status: "block", message: "\"Old openssl.\""));
        var prefix = Machine.Environment();
        var json = (await Machine.RunAsync("log", "--prefix", prefix, "--json")).Json();
        Assert.Multiple(() =>
        {
            Assert.That((string)json["environment_id"]!, Is.EqualTo(EnvironmentId));
            Assert.That((string)json["message"]!, Is.EqualTo("Old openssl."));
            Assert.That((int)json["vulnerabilities"]!["total"]!, Is.EqualTo(3));
            Assert.That((string)json["prefix"]!, Is.EqualTo(prefix));
        });
    }

    [Test]
    public async Task A_pending_scan_says_where_to_look_or_is_waited_for()
    {
        Platform.On(Logs, 200, Logged("pending"));
        Platform.On($"GET {Orgs}/environments/{EnvironmentId}", 200,
            $$"""{"id": "{{EnvironmentId}}", "scanned_at": null, "vulnerabilities": null}""")
            .On($"GET {Orgs}/environments/{EnvironmentId}", 200,
                $$"""{"id": "{{EnvironmentId}}", "scanned_at": "2026-03-01T10:00:00Z", "vulnerabilities": {"total": 1, "high": 1} }""");
        var prefix = Machine.Environment();
        var pending = await Machine.RunAsync("log", "--prefix", prefix);
        Assert.That(pending.Out + pending.Error, Does.Contain("pending").And.Contains($"envplatform env show {EnvironmentId}"));

        var waited = (await Machine.RunAsync("log", "--prefix", prefix, "--wait", "--json")).Json();
        Assert.That(((string)waited["scan"]!, (int)waited["vulnerabilities"]!["total"]!), Is.EqualTo(("done", 1)));
    }

    [Test]
    public async Task The_command_can_be_given_and_is_masked()
    {
        Platform.On(Logs, 200, Logged());
        await Machine.RunAsync("log", "--prefix", Machine.Environment(), "--command", "conda install -c https://ada:pw@host/x y");
        Assert.That(
            Platform.To(Logs).Single().Json().GetProperty("command").GetString(), Is.EqualTo("conda install -c https://***@host/x y"));
    }

    [Test]
    public async Task All_environments_are_logged_and_one_that_is_refused_does_not_stop_the_others()
    {
        Machine.Environment(".conda/envs/a");
        Machine.Environment(".conda/envs/b");
        Platform.On(Logs, 400, """{"title": "Invalid", "status": 400, "errors": {"name": ["Is too long."]}}""").On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("a (").And.Contains("name: Is too long."));
            Assert.That(ended.Out, Does.Contain("b: logged"));
        });
    }

    [Test]
    public async Task An_empty_environment_is_reported_and_the_others_are_logged()
    {
        Machine.Write(".conda/envs/a/conda-meta/history");
        Machine.Environment(".conda/envs/b");
        Platform.On(Logs, 200, Logged());
        var ended = await Machine.RunAsync("log", "--all");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("a (").And.Contains("nothing to send"));
            Assert.That(ended.Out, Does.Contain("b: logged"));
        });
    }

    [Test]
    public async Task A_lock_file_is_logged_for_each_platform()
    {
        Platform.On(Logs, 200, Logged());
        Machine.Write("conda-lock.yml", """
            version: 1
            package:
            - {name: zlib, version: '1.3', manager: conda, platform: linux-64, url: 'https://conda.anaconda.org/conda-forge/linux-64/zlib-1.3-h1_0.conda'}
            - {name: zlib, version: '1.3', manager: conda, platform: osx-64, url: 'https://conda.anaconda.org/conda-forge/osx-64/zlib-1.3-h2_0.conda'}
            """);
        var ended = await Machine.RunAsync("log", "--file", "conda-lock.yml", "--json");
        Assert.Multiple(() =>
        {
            Assert.That(ended.Out.Trim().Split('\n'), Has.Length.EqualTo(2));
            Assert.That(Platform.To(Logs).Select(request => request.Json().GetProperty("platform").GetString()),
                Is.EqualTo(new[] { "linux-64", "osx-64" }));
            Assert.That(Platform.To(Logs).Select(request => request.Json().GetProperty("name").GetString()),
                Is.EqualTo(new[] { "conda-lock-linux-64", "conda-lock-osx-64" }));
        });
    }

    [Test]
    public async Task What_a_file_leaves_open_is_reported_and_the_rest_is_logged()
    {
        Platform.On(Logs, 200, Logged());
        Machine.Write(
            "environment.yml",
            "name: web\ndependencies:\n  - python=3.9.7=h12debd9_1\n  - numpy>=1.20\n  - pip:\n    - requests==2.25.1\n");
        var ended = await Machine.RunAsync("log", "--file", "environment.yml", "--platform", "linux-64");
        var body = Platform.To(Logs).Single().Json();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2), ended.Error);
            Assert.That(ended.Error, Does.Contain("numpy>=1.20"));
            Assert.That(body.GetProperty("name").GetString(), Is.EqualTo("web"));
            Assert.That(body.GetProperty("prefix").GetString(), Is.EqualTo(Path.Combine(Machine.Home, "environment.yml")));
        });
    }

    [TestCase("log --prefix /nowhere/at/all", "not a conda environment")]
    [TestCase("log --name nothing", "no environment named 'nothing'")]
    [TestCase("log --file nothing.yml", "There is no file")]
    public async Task What_is_not_there_ends_with_2(string line, string said)
    {
        var ended = await Machine.RunAsync(line.Split(' '));
        Assert.That((ended.ExitCode, ended.Error.Contains(said, StringComparison.Ordinal)), Is.EqualTo((2, true)), ended.Error);
    }

    [Test]
    public async Task A_platform_that_is_away_ends_with_2_in_one_sentence()
    {
        Machine.Variables["ENVPLATFORM_URL"] = "http://127.0.0.1:1";
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That(ended.ExitCode, Is.EqualTo(2));
        Assert.That(ended.Error.Trim().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(ended.Error, Does.Contain("cannot be reached"));
    }

    [Test]
    public async Task Somebody_elses_server_is_recognised()
    {
        Platform.On(Logs, 200, "<html>hello</html>", "text/html");
        var ended = await Machine.RunAsync("log", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, ended.Error.Contains("does not look like", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    private static string DigestOf(JsonElement log) =>
        PackageSetDigest.Compute(log.GetProperty("packages").EnumerateArray().Select(package =>
        {
            string Field(string name) => package.TryGetProperty(name, out var value) ? value.GetString()! : "";
            return new PackageKey(Field("manager"), Field("channel"), Field("subdir"), Field("name"), Field("version"), Field("build"));
        }));
}
