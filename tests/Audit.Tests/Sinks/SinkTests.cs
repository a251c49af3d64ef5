using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests.Sinks;

/// <summary>Receivers of the log: what they get, and what becomes of it when they are slow, away, or do not want it.</summary>
public sealed class SinkTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(instances: 2, new()
    {
        ["Audit:PrivateReceivers:0"] = "127.0.0.0/8",
        ["Audit:SinkRetrySeconds"] = "0.05",
        ["Audit:SinkMaxRetrySeconds"] = "1",
        ["Audit:SinkTimeoutSeconds"] = "20",
        ["Audit:SinksPerOrganization"] = "3",
    });

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_webhook_receives_every_event_once_in_order_signed_and_with_the_checkpoint()
    {
        var log = await NewLogAsync(450);
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver, fromSeq: 1);
        await receiver.TellAsync(new { secret = Text(sink, "secret") });
        await receiver.UntilReceivedAsync(450);
        await AppendAsync(log, 20);
        var numbers = await NumbersAsync(log);
        await receiver.UntilReceivedAsync(numbers[^1]);
        var accepted = receiver.Requests.Where(request => request.GetProperty("status").GetInt32() == 200).ToArray();
        var data = accepted.Select(request => JsonDocument.Parse(request.GetProperty("body").GetString()!).RootElement.GetProperty("data"));
        Assert.Multiple(() =>
        {
            Assert.That(receiver.Received.Distinct(), Is.EqualTo(numbers), "in order, none missing");
            Assert.That(numbers, Has.Length.EqualTo(470));
            Assert.That(
                data.Select(one => one.GetProperty("checkpoint").GetString()), Has.All.Contains($"/{log.Id}\n").And.All.Contains("— "));
            Assert.That(accepted.Select(request => request.GetProperty("id").GetString()), Is.Unique);
        });
        var shown = await UntilAsync(log, sink, one => one.GetProperty("lag").GetInt64() == 0);
        Assert.Multiple(() =>
        {
            Assert.That(Text(shown, "health"), Is.EqualTo("ok"));
            Assert.That(shown.GetProperty("last_seq").GetInt64(), Is.GreaterThanOrEqualTo(numbers[^1]));
            Assert.That(shown.GetProperty("secret").ValueKind, Is.EqualTo(JsonValueKind.Null), "it is shown once");
        });
    }

    [Test]
    public async Task The_events_are_the_bytes_that_the_tree_has_the_hashes_of()
    {
        var log = await NewLogAsync(3);
        using var receiver = await Receiver.StartAsync();
        await CreateAsync(log, receiver, fromSeq: 1);
        await receiver.UntilReceivedAsync(3);
        var text = await As(log).GetStringAsync(new Uri("/api/audit-logs?sort=seq&format=jsonl", UriKind.Relative));
        var lines = text.TrimEnd().Split('\n');
        var body = receiver.Requests[0].GetProperty("body").GetString()!;
        Assert.That(lines.Take(3).Select(line => body.Contains(line, StringComparison.Ordinal)), Has.All.True);
    }

    [Test]
    public async Task A_receiver_that_is_away_gets_everything_when_it_is_back_and_one_that_hangs_holds_up_nobody()
    {
        var log = await NewLogAsync(1);
        using var hanging = await Receiver.StartAsync(new { hang = true });
        using var steady = await Receiver.StartAsync();
        using var first = await Receiver.StartAsync(new { status = 503 });
        await CreateAsync(log, hanging, fromSeq: 1, name: "hanging");
        await CreateAsync(log, steady, fromSeq: 1, name: "steady");
        var sink = await CreateAsync(log, first, fromSeq: 1, name: "away");
        await steady.UntilReceivedAsync(1);
        var failing = await UntilAsync(log, sink, one => one.GetProperty("failed_attempts").GetInt32() > 1);
        Assert.Multiple(() =>
        {
            Assert.That(Text(failing, "health"), Is.EqualTo("failing"));
            Assert.That(Text(failing, "last_error"), Is.EqualTo("The receiver answered 503: Not now."));
            Assert.That(failing.GetProperty("next_attempt_at").ValueKind, Is.Not.EqualTo(JsonValueKind.Null));
        });
        first.Dispose();
        await AppendAsync(log, 30);
        var numbers = await NumbersAsync(log);
        await steady.UntilReceivedAsync(numbers[^1]);
        await UntilAsync(log, sink, one => Text(one, "last_error").Contains("refused", StringComparison.Ordinal));
        using var back = await Receiver.StartAsync(port: first.Port);
        await back.UntilReceivedAsync(numbers[^1]);
        Assert.That(back.Received, Is.EqualTo(numbers));
    }

    [Test]
    public async Task An_event_that_is_refused_is_passed_over_told_of_and_sent_again_when_somebody_asks()
    {
        var log = await NewLogAsync(40);
        var poison = await _platform.ScalarAsync<Guid>("select event_id from audit_events where org_id = $1 and seq = 23", log.Id.Value);
        using var receiver = await Receiver.StartAsync(new { refuse = $"{poison}" });
        var sink = await CreateAsync(log, receiver, fromSeq: 1);
        await receiver.UntilReceivedAsync(40);
        Assert.That(receiver.Received, Is.EqualTo(Enumerable.Range(1, 40).Where(seq => seq != 23)));
        var letters = await As(log).GetFromJsonAsync<JsonElement>($"{Url(log, sink)}/dead-letters");
        var letter = letters.GetProperty("items").EnumerateArray().Single();
        Assert.Multiple(() =>
        {
            Assert.That(letter.GetProperty("seq").GetInt64(), Is.EqualTo(23));
            Assert.That(Text(letter, "error"), Is.EqualTo("The receiver answered 400: This is not wanted."));
        });

        await receiver.TellAsync(new { refuse = "" });
        await PostAsync(log, sink, "replay", new { dead_letters = true });
        await receiver.UntilReceivedAsync(23);
        await UntilAsync(log, sink, one => one.GetProperty("dead_letters").GetInt64() == 0);
    }

    [Test]
    public async Task Everything_from_a_number_on_is_sent_again_when_somebody_asks()
    {
        var log = await NewLogAsync(10);
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver, fromSeq: 8);
        await UntilAsync(log, sink, one => one.GetProperty("last_seq").GetInt64() == 11);
        await PostAsync(log, sink, "replay", new { from_seq = 3 });
        await UntilToldAsync(log, "audit_sink_replayed");
        await UntilAsync(log, sink, one => one.GetProperty("last_seq").GetInt64() == 12);
        Assert.That(receiver.Received, Is.EqualTo(new[] { 8, 9, 10, 3, 4, 5, 6, 7, 8, 9, 10 }));
        using var beyond = await SendAsync(log, HttpMethod.Post, $"{Url(log, sink)}/replay", new { from_seq = 500 });
        Assert.That(beyond.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Filters_leave_events_out_and_a_pause_holds_them_back()
    {
        var log = await NewLogAsync(12, i => i % 4 == 0 ? "token_created" : "environment_logged");
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver, fromSeq: 1, q: ["action_key:token_created"]);
        await UntilAsync(log, sink, one => one.GetProperty("lag").GetInt64() == 0);
        Assert.That(receiver.Received, Is.EqualTo(new[] { 1, 5, 9 }));
        Assert.That(Text(await PostAsync(log, sink, "pause"), "state"), Is.EqualTo("paused"));
        await UntilToldAsync(log, "audit_sink_paused");
        await AppendAsync(log, 1, _ => "token_created");
        Assert.That((await GetAsync(log, sink)).GetProperty("lag").GetInt64(), Is.EqualTo(2), "that it was paused, and the event");
        await PostAsync(log, sink, "resume");
        await receiver.UntilReceivedAsync((await NumbersAsync(log))[^1]);
    }

    [Test]
    public async Task With_a_new_secret_the_old_one_still_signs()
    {
        var log = await NewLogAsync(1);
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver, fromSeq: 1);
        await receiver.TellAsync(new { secret = Text(sink, "secret") });
        var rotated = await PostAsync(log, sink, "secret");
        Assert.That(Text(rotated, "secret"), Does.StartWith("whsec_").And.Not.EqualTo(Text(sink, "secret")));
        await UntilToldAsync(log, "audit_sink_secret_created");
        foreach (var secret in new[] { Text(sink, "secret"), Text(rotated, "secret") })
        {
            await receiver.TellAsync(new { secret });
            await AppendAsync(log, 1);
            await receiver.UntilReceivedAsync((await NumbersAsync(log))[^1]);
        }

        Assert.That(
            await _platform.ScalarAsync<long>(
                "select count(*) from audit_sinks where position(convert_to($1, 'UTF8') in secret) > 0", Text(rotated, "secret")[6..]),
            Is.Zero, "it is stored sealed");
    }

    [Test]
    public async Task A_receiver_that_says_that_it_is_gone_is_stopped_which_is_an_event_until_somebody_resumes_it()
    {
        var log = await NewLogAsync(2);
        using var receiver = await Receiver.StartAsync(new { status = 410 });
        var sink = await CreateAsync(log, receiver, fromSeq: 1);
        await UntilAsync(log, sink, one => Text(one, "state") == "stopped");
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<long>(
                "select count(*) from audit_events where org_id = $1 and action_key = 'audit_sink_stopped'", log.Id.Value) == 1,
            "the event");
        await receiver.TellAsync(new { status = 200 });
        await PostAsync(log, sink, "resume");
        await receiver.UntilReceivedAsync(2);
    }

    [Test]
    public async Task A_collector_of_Splunk_receives_events_with_its_token_and_says_when_that_is_wrong()
    {
        var log = await NewLogAsync(5);
        using var receiver = await Receiver.StartAsync(new { token = "11111111-2222" });
        var sink = await CreateAsync(log, receiver, fromSeq: 1, kind: "splunk_hec", token: "wrong");
        await UntilAsync(
            log, sink, one => one.GetProperty("last_error").ValueKind == JsonValueKind.String
                && Text(one, "last_error").Contains("403", StringComparison.Ordinal));
        using var changed = await SendAsync(log, HttpMethod.Patch, Url(log, sink), new { token = "11111111-2222" }, "*");
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.OK), await changed.Content.ReadAsStringAsync());
        await receiver.UntilReceivedAsync(5);
        var request = receiver.Requests.Last(one => one.GetProperty("status").GetInt32() == 200);
        var values = Receiver.Values(request.GetProperty("body").GetString()!);
        Assert.Multiple(() =>
        {
            Assert.That(request.GetProperty("path").GetString(), Is.EqualTo("/services/collector/event"));
            Assert.That(values.Select(one => Text(one, "sourcetype")).Last(), Is.EqualTo("envplatform:checkpoint"));
            Assert.That(values[0].GetProperty("time").GetDecimal(), Is.GreaterThan(1_700_000_000m));
        });
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<long>(
                "select count(*) from audit_events where org_id = $1 and entry::text like '%11111111-2222%'", log.Id.Value) == 0
                && await _platform.ScalarAsync<long>(
                    "select count(*) from audit_events where org_id = $1 and action_key = 'audit_sink_updated'", log.Id.Value) == 1,
            "the change to be told of without the token");
    }

    [Test]
    public async Task A_test_call_says_what_the_receiver_answers_and_is_in_no_log()
    {
        var log = await NewLogAsync(1);
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver);
        Assert.That((await PostAsync(log, sink, "test")).GetProperty("delivered").GetBoolean(), Is.True);
        Assert.That(
            receiver.Requests.Select(request => request.GetProperty("body").GetString()), Has.Some.Contains("\"seq\":0,"));
        await receiver.TellAsync(new { status = 302, location = "http://127.0.0.1:1/" });
        var trial = await PostAsync(log, sink, "test");
        Assert.Multiple(() =>
        {
            Assert.That(trial.GetProperty("delivered").GetBoolean(), Is.False, "a redirect is not followed");
            Assert.That(Text(trial, "error"), Does.Contain("302"));
        });
    }

    [TestCase("name", "", "webhook", "http://127.0.0.1:9/")]
    [TestCase("kind", "n", "carrier_pigeon", "http://127.0.0.1:9/")]
    [TestCase("address", "n", "webhook", "ftp://127.0.0.1/")]
    [TestCase("address", "n", "webhook", "https://user:secret@example.org/")]
    [TestCase("address", "n", "syslog", "https://example.org/")]
    [TestCase("address", "n", "syslog", "tls://example.org")]
    [TestCase("token", "n", "splunk_hec", "https://example.org/")]
    public async Task What_makes_no_sense_is_refused(string field, string name, string kind, string address)
    {
        var log = TestCaller.NewOrganization();
        using var response = await SendAsync(log, HttpMethod.Post, Url(log), new { name, kind, address });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        var errors = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors");
        Assert.That(errors.EnumerateObject().Select(one => one.Name), Does.Contain(field));
        Assert.That($"{errors}", Does.Not.Contain("secret"));
    }

    [Test]
    public async Task Names_are_unique_there_is_a_limit_and_nobody_sees_those_of_others()
    {
        var log = await NewLogAsync(1);
        var (mine, theirs) = (new { name = "SIEM", kind = "webhook", address = "http://127.0.0.1:9/" }, TestCaller.NewOrganization());
        using var created = await SendAsync(log, HttpMethod.Post, Url(log), mine);
        var sink = await created.Content.ReadFromJsonAsync<JsonElement>();
        using var taken = await SendAsync(log, HttpMethod.Post, Url(log), mine with { name = "siem" });
        Assert.That(taken.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        foreach (var name in new[] { "two", "three" })
        {
            using var more = await SendAsync(log, HttpMethod.Post, Url(log), mine with { name = name });
            Assert.That(more.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        }

        using var beyond = await SendAsync(log, HttpMethod.Post, Url(log), mine with { name = "four" });
        using var stale = await SendAsync(log, HttpMethod.Patch, Url(log, sink), new { name = "other" }, "\"7\"");
        using var foreign = await SendAsync(theirs, HttpMethod.Get, Url(theirs, sink));
        using var deleted = await SendAsync(theirs, HttpMethod.Delete, Url(theirs, sink));
        Assert.Multiple(async () =>
        {
            Assert.That(
                (await beyond.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("too_many_sinks"));
            Assert.That(stale.StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));
            Assert.That(foreign.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        });
        using var gone = await SendAsync(log, HttpMethod.Delete, Url(log, sink));
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [Test]
    public async Task Whoever_takes_over_from_an_instance_that_was_killed_goes_on_where_it_was()
    {
        var log = await NewLogAsync(30);
        using var receiver = await Receiver.StartAsync();
        var sink = await CreateAsync(log, receiver, fromSeq: 1);
        await UntilAsync(log, sink, one => one.GetProperty("lag").GetInt64() == 0);
        var numbers = await NumbersAsync(log);
        // As one leaves it that was killed after it had sent events, and before it could say so.
        await _platform.ScalarAsync<int>(
            """
            update audit_sinks set last_seq = 25, lease_id = gen_random_uuid(), leased_until = now() + interval '1 second'
            where org_id = $1
            """, log.Id.Value);
        await UntilAsync(log, sink, one => one.GetProperty("lag").GetInt64() == 0);
        Assert.That(receiver.Received, Is.EqualTo(numbers.Concat(numbers.Where(seq => seq > 25))), "at least once, in order");
    }

    private static string Text(JsonElement item, string name) => item.GetProperty(name).GetString()!;

    private static string Url(Membership log, JsonElement? sink = null) =>
        $"/api/v1/orgs/{log.Slug}/audit-sinks{(sink is { } one ? $"/{Text(one, "id")}" : "")}";

    private HttpClient As(Membership log) => _platform.Instances[1].As(TestCaller.Of(log));

    private async Task<Membership> NewLogAsync(int events, Func<int, string>? action = null)
    {
        var log = TestCaller.NewOrganization();
        await AppendAsync(log, events, action);
        return log;
    }

    private async Task AppendAsync(Membership log, int events, Func<int, string>? action = null)
    {
        var size = await _platform.ScalarAsync<long?>("select size from audit_heads where org_id = $1", log.Id.Value) ?? 0;
        if (action is null)
        {
            await _platform.PublishAsync(Enumerable.Range(0, events).Select(_ => _platform.NewEvent(organization: log.Id)));
            await _platform.UntilSizeAsync(log.Id, size + events);
            return;
        }

        for (var i = 0; i < events; i++)
        {
            await _platform.PublishAsync(_platform.NewEvent(action(i), log.Id));
            await _platform.UntilSizeAsync(log.Id, size + i + 1);
        }
    }

    private async Task<JsonElement> CreateAsync(
        Membership log, Receiver receiver, long? fromSeq = null, string name = "SIEM", string kind = "webhook", string? token = null,
        string[]? q = null)
    {
        var address = $"http://127.0.0.1:{receiver.Port}/{(kind == "webhook" ? "hook" : "")}";
        using var response = await SendAsync(
            log, HttpMethod.Post, Url(log), new { name, kind, address, from_seq = fromSeq, token, q });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        await UntilToldAsync(log, "audit_sink_created");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>The numbers of the log's events but of those about receivers.</summary>
    private async Task<long[]> NumbersAsync(Membership log) => await _platform.ScalarAsync<long[]>(
        "select array_agg(seq order by seq) from audit_events where org_id = $1 and action_key not like 'audit_sink_%'", log.Id.Value)
        ?? [];

    /// <summary>What was done through the API is in the log, so that numbers stand still.</summary>
    private Task UntilToldAsync(Membership log, string action, int times = 1) => Eventually.BecomesTrueAsync(
        async () => await _platform.ScalarAsync<long>(
            "select count(*) from audit_events where org_id = $1 and action_key = $2", log.Id.Value, action) >= times, action);

    private Task<JsonElement> GetAsync(Membership log, JsonElement sink) => As(log).GetFromJsonAsync<JsonElement>(Url(log, sink));

    private async Task<JsonElement> UntilAsync(Membership log, JsonElement sink, Func<JsonElement, bool> holds)
    {
        JsonElement last = default;
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                last = await GetAsync(log, sink);
                return holds(last);
            }, "the state of the sink", 40);
        return last;
    }

    private async Task<JsonElement> PostAsync(Membership log, JsonElement sink, string action, object? body = null)
    {
        using var response = await SendAsync(log, HttpMethod.Post, $"{Url(log, sink)}/{action}", body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<HttpResponseMessage> SendAsync(
        Membership log, HttpMethod method, string url, object? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(url, UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body);
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        return await As(log).SendAsync(request);
    }
}
