using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests;

public sealed class FollowAppendsTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(instances: 2);

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Readers_of_every_instance_who_wait_are_woken_by_an_event_and_by_no_other_log()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        var waiting = Enumerable.Range(0, 6).Select(i => ReadAsync(organization, "?sort=seq", i % 2, wait: 25)).ToArray();
        var stranger = ReadAsync(TestCaller.NewOrganization(Roles.Auditor), "?sort=seq", 0, wait: 4);
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.That(waiting.Count(task => task.IsCompleted), Is.Zero, "there is nothing to return");
        var occurred = _platform.NewEvent(organization: organization.Id);
        await _platform.PublishAsync(occurred);
        foreach (var answer in await Task.WhenAll(waiting))
        {
            Assert.That(answer.Ids, Is.EqualTo(new[] { occurred.EventId }));
            Assert.That(answer.Applied, Is.EqualTo("wait=25"));
            Assert.That(answer.Took, Is.LessThan(TimeSpan.FromSeconds(20)));
        }

        var nothing = await stranger;
        Assert.That(nothing.Ids, Is.Empty);
        Assert.That(nothing.Took, Is.GreaterThan(TimeSpan.FromSeconds(3.9)));
    }

    [Test]
    public async Task A_reader_waits_on_while_events_come_that_its_filter_leaves_out()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        var waiting = ReadAsync(organization, "?sort=seq&q=action_key:token_created", 0, wait: 25);
        for (var i = 1; i <= 3; i++)
        {
            await _platform.PublishAsync(_platform.NewEvent(organization: organization.Id));
            await _platform.UntilSizeAsync(organization.Id, i);
        }

        Assert.That(waiting.IsCompleted, Is.False);
        var wanted = _platform.NewEvent("token_created", organization.Id);
        await _platform.PublishAsync(wanted);
        Assert.That((await waiting).Ids, Is.EqualTo(new[] { wanted.EventId }));
    }

    [Test]
    public async Task A_reader_who_waits_at_every_page_misses_none()
    {
        var organization = TestCaller.NewOrganization(Roles.Auditor);
        var events = Enumerable.Range(0, 60).Select(_ => _platform.NewEvent(organization: organization.Id)).ToList();
        var publishing = Task.Run(async () =>
        {
            foreach (var occurred in events)
            {
                await _platform.PublishAsync(occurred);
                await Task.Delay(TimeSpan.FromMilliseconds(20));
            }
        });
        var seen = new List<Guid>();
        var query = "?sort=seq&limit=7";
        while (seen.Count < events.Count)
        {
            var page = await ReadAsync(organization, query, seen.Count % 2, wait: 20);
            Assert.That(page.Ids, Is.Not.Empty, "the wait did not time out");
            seen.AddRange(page.Ids);
            query = $"?sort=seq&limit=7&after={Uri.EscapeDataString(page.Next)}";
        }

        await publishing;
        Assert.That(seen, Is.EquivalentTo(events.Select(occurred => occurred.EventId)));
    }

    [TestCase("?sort=-seq")]
    [TestCase("?sort=seq&to_date=2030-01-01")]
    [TestCase("")]
    public async Task Who_does_not_follow_the_log_is_answered_at_once(string query)
    {
        var answer = await ReadAsync(TestCaller.NewOrganization(Roles.Auditor), query, 0, wait: 25);
        Assert.That((answer.Ids.Count, answer.Applied), Is.EqualTo((0, (string?)null)));
        Assert.That(answer.Took, Is.LessThan(TimeSpan.FromSeconds(15)));
    }

    private async Task<Answer> ReadAsync(Membership organization, string query, int instance, int wait)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/api/audit-logs" + query, UriKind.Relative));
        request.Headers.Add("Prefer", $"respond-async, wait={wait}");
        var began = Stopwatch.GetTimestamp();
        using var response = await _platform.Instances[instance].As(TestCaller.Of(organization)).SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(200));
        var page = await response.Content.ReadFromJsonAsync<JsonElement>();
        return new(
            [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetGuid())],
            page.GetProperty("next_cursor").GetString() ?? "",
            response.Headers.TryGetValues("Preference-Applied", out var applied) ? applied.Single() : null,
            Stopwatch.GetElapsedTime(began));
    }

    private sealed record Answer(List<Guid> Ids, string Next, string? Applied, TimeSpan Took);
}
