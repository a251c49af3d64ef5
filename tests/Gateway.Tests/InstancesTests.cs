using System.Net;

using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

/// <summary>Two instances of a service behind the gateway, one of which becomes unavailable.</summary>
[TestFixture]
public sealed class InstancesTests
{
    private static readonly Uri Environments = new("/api/v1/orgs/default/environments", UriKind.Relative);
    private static readonly Uri Logs = new("/api/v1/orgs/default/environment-logs", UriKind.Relative);

    [Test]
    public async Task Requests_go_to_both_instances_and_none_fails_when_one_dies()
    {
        await using var one = await Downstream.StartAsync();
        await using var two = await Downstream.StartAsync();
        await using var platform = await Platform.StartAsync(
            ("services:ingest:http:0", one.Address), ("services:ingest:http:1", two.Address));
        using var client = platform.AsOperator();
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var answers = new List<HttpStatusCode>();
            while (!stop.IsCancellationRequested)
            {
                using var response = await client.GetAsync(Environments);
                answers.Add(response.StatusCode);
            }

            return answers;
        })).ToArray();
        await Testing.Eventually.BecomesTrueAsync(
            () => Task.FromResult(one.Requests > 20 && two.Requests > 20), "both instances are asked");
        await one.KillAsync();
        var before = two.Requests;
        await Task.Delay(1_500);
        await stop.CancelAsync();
        var answers = (await Task.WhenAll(workers)).SelectMany(answers => answers).ToArray();

        Assert.That(answers, Is.All.EqualTo(HttpStatusCode.OK));
        Assert.That(two.Requests, Is.GreaterThan(before + 50));
    }

    [Test]
    public async Task A_request_with_a_body_goes_whole_to_another_instance_when_no_connection_could_be_opened()
    {
        await using var one = await Downstream.StartAsync();
        var none = $"http://127.0.0.1:{TestPorts.Next()}";
        await using var platform = await Platform.StartAsync(("services:ingest:http:0", none), ("services:ingest:http:1", one.Address));
        using var client = platform.AsOperator();
        for (var i = 0; i < 10; i++)
        {
            using var content = new ByteArrayContent(new byte[100_000]);
            using var response = await client.PostAsync(Logs, content);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), $"request {i}");
            Assert.That((long)(await response.JsonAsync())["length"]!, Is.EqualTo(100_000));
        }
    }

    [TestCase("GET", null, true)]
    [TestCase("PUT", "1", true)]
    [TestCase("PUT", null, false)]
    [TestCase("DELETE", null, false)]
    public async Task A_request_that_may_have_had_its_effect_is_not_sent_to_another_instance_unless_that_is_harmless(
        string method, string? idempotencyKey, bool harmless)
    {
        await using var one = await Downstream.StartAsync(breaksConnections: true);
        await using var two = await Downstream.StartAsync(breaksConnections: true);
        await using var platform = await Platform.StartAsync(
            ("services:ingest:http:0", one.Address), ("services:ingest:http:1", two.Address));
        using var client = platform.AsOperator();
        using var request = new HttpRequestMessage(new HttpMethod(method), Environments);
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        using var response = await client.SendAsync(request);

        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(one.Requests + two.Requests, Is.EqualTo(harmless ? 2 : 1));
    }

    [Test]
    public async Task An_instance_that_is_not_ready_gets_no_requests_until_it_is()
    {
        await using var one = await Downstream.StartAsync();
        await using var two = await Downstream.StartAsync();
        await using var platform = await Platform.StartAsync(
            ("services:ingest:http:0", one.Address), ("services:ingest:http:1", two.Address));
        using var client = platform.AsOperator();
        one.IsReady = false;
        await Testing.Eventually.BecomesTrueAsync(
            async () => await SeenAsync(client, one, 20) == 0, "the other instance alone is asked", seconds: 20);
        one.IsReady = true;
        await Testing.Eventually.BecomesTrueAsync(
            async () => await SeenAsync(client, one, 20) > 0, "both instances are asked", seconds: 20);
        (one.IsReady, two.IsReady) = (false, false);
        await Task.Delay(6_000);
        Assert.That(await SeenAsync(client, one, 20) + two.Requests, Is.GreaterThan(0), "when none is ready each answers for itself");
    }

    private static async Task<int> SeenAsync(HttpClient client, Downstream by, int requests)
    {
        var before = by.Requests;
        for (var i = 0; i < requests; i++)
        {
            using var response = await client.GetAsync(Environments);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        return by.Requests - before;
    }
}
