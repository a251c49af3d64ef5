using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests;

/// <summary>Subscribers of a log read it as server-sent events.</summary>
public sealed class StreamAuditLogTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(
        instances: 2, new() { ["Audit:StreamSeconds"] = "5", ["Audit:StreamsPerOrganization"] = "3", ["Audit:HeartbeatSeconds"] = "1" });

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_subscriber_that_connects_again_with_its_position_misses_none_and_gets_none_twice()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        var events = Enumerable.Range(0, 1_200).Select(_ => _platform.NewEvent(organization: organization.Id)).ToArray();
        var publishing = Task.Run(async () =>
        {
            foreach (var part in events.Chunk(100))
            {
                await _platform.PublishAsync(part);
            }
        });
        var seen = new List<SseItem<string>>();
        var position = "0";
        // Each connection ends, at the latest when its time is up; some are broken off before.
        for (var connection = 0; seen.Count < events.Length && connection < 100; connection++)
        {
            await foreach (var item in ReadAsync(organization, connection % 2, position)
                .Take(connection % 3 == 0 ? 170 : int.MaxValue))
            {
                seen.Add(item);
                position = item.EventId!;
                if (seen.Count == events.Length)
                {
                    break;
                }
            }
        }

        await publishing;
        Assert.Multiple(() =>
        {
            Assert.That(seen.Select(item => long.Parse(item.EventId!)), Is.EqualTo(Enumerable.Range(1, events.Length)), "in order");
            Assert.That(
                seen.Select(item => JsonDocument.Parse(item.Data).RootElement.GetProperty("id").GetGuid()),
                Is.EquivalentTo(events.Select(occurred => occurred.EventId)));
            Assert.That(seen.Select(item => item.EventType).Distinct(), Is.EqualTo(new[] { "environment_logged" }));
        });
    }

    [Test]
    public async Task Without_a_position_it_begins_with_the_next_event_and_of_its_own_log_alone()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        await _platform.PublishAsync(_platform.NewEvent(organization: organization.Id));
        await _platform.UntilSizeAsync(organization.Id, 1);
        using var response = await OpenAsync(organization, 0, null);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        await UntilAsync(lines, "id: 1");
        var next = _platform.NewEvent(organization: organization.Id);
        await _platform.PublishAsync(_platform.NewEvent(organization: TestCaller.NewOrganization().Id), next);
        await UntilAsync(lines, "id: 2");
        await UntilAsync(lines, "event: environment_logged");
        Assert.That(
            JsonDocument.Parse((await lines.ReadLineAsync())!["data: ".Length..]).RootElement.GetProperty("id").GetGuid(),
            Is.EqualTo(next.EventId));
    }

    [Test]
    public async Task What_a_filter_leaves_out_moves_the_position_on()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        AuditEventOccurred[] events =
        [
            .. Enumerable.Range(0, 5).Select(_ => _platform.NewEvent(organization: organization.Id)),
        ];
        await _platform.PublishAsync(events);
        await _platform.UntilSizeAsync(organization.Id, 5);
        using var response = await OpenAsync(organization, 0, "0", "&q=action_key:token_created");
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.That(await UntilAsync(lines, "id: 5"), Has.None.StartsWith("data:"));
    }

    [Test]
    public async Task An_organization_has_so_many_streams_and_when_one_ends_another_may_begin()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        var open = new List<HttpResponseMessage>();
        for (var i = 0; i < 3; i++)
        {
            open.Add(await OpenAsync(organization, 0, "0"));
        }

        Assert.That(open.Select(response => response.StatusCode), Is.All.EqualTo(HttpStatusCode.OK));
        using (var refused = await OpenAsync(organization, 0, "0"))
        {
            Assert.That((refused.StatusCode, refused.Headers.RetryAfter is not null), Is.EqualTo((HttpStatusCode.TooManyRequests, true)));
        }

        using (var other = await OpenAsync(TestCaller.NewOrganization(Roles.Auditor), 0, "0"))
        {
            Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        open.ForEach(response => response.Dispose());
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var again = await OpenAsync(organization, 0, "0");
                return again.StatusCode == HttpStatusCode.OK;
            }, "a stream is free again");
    }

    [TestCase("?after_seq=x", null, 422)]
    [TestCase("?after_seq=-1", null, 422)]
    [TestCase("?after_seq=999", null, 422)]
    [TestCase("?q=nothing:x", null, 422)]
    [TestCase("?sort=seq", null, 422)]
    [TestCase("", "one", 422)]
    public async Task What_it_does_not_understand_is_refused(string query, string? lastEventId, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/api/audit-logs/stream" + query, UriKind.Relative));
        if (lastEventId is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        using var response = await _platform.Auditor().SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task A_member_has_no_stream()
    {
        using var response = await OpenAsync(TestCaller.NewOrganization(Roles.Member), 0, "0");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    private Task<HttpResponseMessage> OpenAsync(Membership organization, int instance, string? position, string more = "")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/api/audit-logs/stream?search_operator=or" + more, UriKind.Relative));
        if (position is not null)
        {
            request.Headers.Add("Last-Event-ID", position);
        }

        return _platform.Instances[instance].As(TestCaller.Of(organization)).SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Reads lines until one is as given; the stream must not end before.</summary>
    private static async Task<List<string>> UntilAsync(StreamReader lines, string wanted)
    {
        var read = new List<string>();
        do
        {
            read.Add(await lines.ReadLineAsync() ?? throw new InvalidDataException($"The stream ended before '{wanted}'."));
        }
        while (read[^1] != wanted);
        return read;
    }

    private async IAsyncEnumerable<SseItem<string>> ReadAsync(Membership organization, int instance, string? position)
    {
        using var response = await OpenAsync(organization, instance, position);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/event-stream"));
        await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync())
        {
            yield return item;
        }
    }
}
