using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests.Sinks;

/// <summary>The log as rsyslog receives it by TLS.</summary>
public sealed class SyslogTests
{
    private readonly TestAuthority _authority = new();
    private AuditPlatform _platform = null!;
    private Rsyslog _rsyslog = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _rsyslog = await Rsyslog.StartAsync(_authority);
        _platform = await AuditPlatform.StartAsync(more: new()
        {
            ["Audit:PrivateReceivers:0"] = "127.0.0.0/8",
            ["Audit:SinkRetrySeconds"] = "0.05",
            ["Audit:SinkMaxRetrySeconds"] = "1",
            ["Audit:LogName"] = "log.example.org",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _rsyslog?.Dispose();
        if (_platform is not null)
        {
            await _platform.DisposeAsync();
        }
    }

    [Test]
    public async Task Every_event_is_a_message_also_those_during_which_the_receiver_was_killed()
    {
        var log = await NewLogAsync(500);
        var sink = await CreateAsync(log, _authority.Root, "jsonl");
        await UntilAsync(() => Numbers(log).Count > 0, "the first messages");
        _rsyslog.Kill();
        await _platform.PublishAsync(Enumerable.Range(0, 50).Select(_ => _platform.NewEvent(organization: log.Id)));
        await _platform.UntilSizeAsync(log.Id, 551);
        await _rsyslog.StartAgainAsync();
        await UntilAsync(() => Numbers(log).Contains(551), "the last message");
        var messages = _rsyslog.Messages.Where(message => message[6].Contains($"{log.Id}", StringComparison.Ordinal)).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(Numbers(log).Distinct().Order(), Is.EqualTo(Enumerable.Range(1, 551)), "none is missing");
            Assert.That(messages.Select(message => message[0]), Has.All.EqualTo("110"), "log audit, informational");
            Assert.That(messages.Select(message => message[2]), Has.All.EqualTo("log.example.org"));
            Assert.That(messages.Select(message => message[3]), Has.All.EqualTo("envplatform"));
            Assert.That(messages.Select(message => message[4]), Does.Contain("environment_logged").And.Contain("checkpoint"));
            Assert.That(messages[0][5], Is.EqualTo("[meta sequenceId=\"1\"]"));
        });
        await UntilAsync(async () => (await GetAsync(log, sink)).GetProperty("lag").GetInt64() == 0, "nothing to be left");
    }

    [Test]
    public async Task Long_messages_of_any_letters_arrive_whole_as_CEF()
    {
        var log = TestCaller.NewOrganization();
        await _platform.PublishAsync(_platform.NewEvent(organization: log.Id) with
        {
            Message = "Grüße aus 東京 | mit = und \\ und\nZeilen",
            Meta = JsonSerializer.SerializeToElement(new { text = new string('x', 40_000) }),
        });
        await _platform.UntilSizeAsync(log.Id, 1);
        await CreateAsync(log, _authority.Root, "cef");
        string[]? found = null;
        await UntilAsync(
            () => (found = _rsyslog.Messages.FirstOrDefault(message => message[6].Contains(log.Slug, StringComparison.Ordinal)
                || message[6].Contains("Grüße", StringComparison.Ordinal))) is not null, "the message");
        Assert.That(
            found![6], Does.StartWith("CEF:0|EnvPlatform|").And.Contains(@"Grüße aus 東京 | mit \= und \\ und\nZeilen")
                .And.Contains(new string('x', 30_000)));
    }

    [Test]
    public async Task A_receiver_whose_certificate_nobody_vouches_for_gets_nothing()
    {
        var log = await NewLogAsync(1);
        var sink = await CreateAsync(log, null, "jsonl");
        await UntilAsync(
            async () => (await GetAsync(log, sink)).GetProperty("last_error").GetString()
                ?.Contains("certificate", StringComparison.OrdinalIgnoreCase) == true, "what is wrong");
        var other = await CreateAsync(log, new TestAuthority().Root, "jsonl");
        await UntilAsync(
            async () => (await GetAsync(log, other)).GetProperty("last_error").GetString()
                ?.Contains("certificate", StringComparison.OrdinalIgnoreCase) == true, "what is wrong");
        Assert.That(Numbers(log), Is.Empty);
    }

    private List<long> Numbers(Membership log) =>
    [
        .. _rsyslog.Messages
            .Where(message => message.Length == 7 && message[4] != "checkpoint"
                && message[6].Contains($"{log.Id}", StringComparison.Ordinal) && message[6].TrimEnd().EndsWith('}'))
            .Select(message => JsonDocument.Parse(message[6]).RootElement.GetProperty("seq").GetInt64()),
    ];

    private static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(() => Task.FromResult(holds()), what);

    private static Task UntilAsync(Func<Task<bool>> holds, string what) => Eventually.BecomesTrueAsync(holds, what, 40);

    private HttpClient As(Membership log) => _platform.Instances[0].As(TestCaller.Of(log));

    private async Task<Membership> NewLogAsync(int events)
    {
        var log = TestCaller.NewOrganization();
        await _platform.PublishAsync(Enumerable.Range(0, events).Select(_ => _platform.NewEvent(organization: log.Id)));
        await _platform.UntilSizeAsync(log.Id, events);
        return log;
    }

    private async Task<string> CreateAsync(Membership log, string? authorities, string format)
    {
        using var response = await As(log).PostAsJsonAsync(new Uri($"/api/v1/orgs/{log.Slug}/audit-sinks", UriKind.Relative), new
        {
            name = $"rsyslog {Guid.CreateVersion7():N}",
            kind = "syslog",
            address = $"tls://localhost:{_rsyslog.Port}",
            format,
            authorities,
            from_seq = 1,
        });
        Assert.That((int)response.StatusCode, Is.EqualTo(201), await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    private Task<JsonElement> GetAsync(Membership log, string sink) =>
        As(log).GetFromJsonAsync<JsonElement>($"/api/v1/orgs/{log.Slug}/audit-sinks/{sink}");
}
