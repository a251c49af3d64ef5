using System.Net;
using System.Net.Http.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

[TestFixture]
public sealed class RateLimitTests
{
    private static readonly Uri Environments = new("/api/v1/orgs/default/environments", UriKind.Relative);

    [Test]
    public async Task Too_many_requests_with_one_token_are_refused_and_another_token_is_not()
    {
        await using var platform = await Platform.StartAsync(("Gateway:RequestsPerMinute", "10"));
        var (_, first) = await platform.CreateTokenAsync();
        var (_, second) = await platform.CreateTokenAsync();
        using var busy = platform.With(first);
        for (var i = 0; i < 10; i++)
        {
            Assert.That((await busy.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK), $"request {i}");
        }

        using var refused = await busy.GetAsync(Environments);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(refused.Headers.RetryAfter?.Delta, Is.InRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60)));
        Assert.That((string?)(await refused.JsonAsync())["code"], Is.EqualTo("too_many_requests"));
        using var other = platform.With(second);
        Assert.That((await other.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Gateways_count_together()
    {
        await using var platform = await Platform.StartAsync(("Gateway:RequestsPerMinute", "20"));
        var second = await platform.StartGatewayAsync(("Gateway:RequestsPerMinute", "20"));
        var (_, token) = await platform.CreateTokenAsync();
        using var one = platform.With(token);
        using var two = platform.With(token, second);
        for (var i = 0; i < 15; i++)
        {
            Assert.That((await one.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await Task.Delay(300);
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 15; i++)
        {
            answers.Add((await two.GetAsync(Environments)).StatusCode);
            await Task.Delay(150);
        }

        Assert.That(answers.Count(status => status == HttpStatusCode.OK), Is.InRange(3, 7),
            "Twenty in all; one is let through before the first exchange.");
        Assert.That(answers[^1], Is.EqualTo(HttpStatusCode.TooManyRequests));
    }

    [Test]
    public async Task After_many_bad_tokens_from_an_address_bad_ones_are_429_and_good_ones_work_known_or_not()
    {
        await using var platform = await Platform.StartAsync(("Gateway:FailedAuthenticationsPerMinute", "10"));
        using var known = platform.AsOperator();
        Assert.That((await known.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        for (var i = 0; i < 10; i++)
        {
            using var bad = platform.With(SecretFormat.New(SecretFormat.TokenPrefix));
            Assert.That((await bad.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        using var another = platform.With(SecretFormat.New(SecretFormat.TokenPrefix));
        using var refused = await another.GetAsync(Environments);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That((string?)(await refused.JsonAsync())["detail"], Does.Contain("10 requests with a bad token"));
        using var malformed = platform.With("nonsense");
        Assert.That((await malformed.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        var (_, unseen) = await platform.CreateTokenAsync();
        using var good = platform.With(unseen);
        Assert.That((await good.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await known.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Good_tokens_get_in_among_650_bad_ones()
    {
        await using var platform = await Platform.StartAsync();
        var tokens = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            tokens.Add((await platform.CreateTokenAsync()).Token);
        }

        var bad = Enumerable.Range(0, 650).Select(_ => SecretFormat.New(SecretFormat.TokenPrefix));
        var answers = await Task.WhenAll(bad.Concat(tokens).Select(async token =>
        {
            using var client = platform.With(token);
            return (Token: token, (await client.GetAsync(Environments)).StatusCode);
        }));
        Assert.That(
            answers.Where(answer => tokens.Contains(answer.Token)).Select(answer => answer.StatusCode), Is.All.EqualTo(HttpStatusCode.OK));
        Assert.That(
            answers.Where(answer => !tokens.Contains(answer.Token)).Select(answer => answer.StatusCode),
            Is.All.AnyOf(HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests));
    }

    [Test]
    public async Task Guesses_of_a_password_leave_Identity_and_gateway_ready()
    {
        await using var platform = await Platform.StartAsync();
        using var nobody = platform.With(null);
        var guesses = Enumerable.Range(0, 150).Select(i => nobody.PostAsJsonAsync(
            "/api/v1/sign-in", new { email = "administrator@localhost", password = $"guess {i}" })).ToArray();
        do
        {
            // Who looks once may meet a machine that is busy with other things.
            await Eventually.BecomesTrueAsync(
                async () => (await nobody.GetAsync(new Uri("/health/ready", UriKind.Relative))).StatusCode == HttpStatusCode.OK,
                "the gateway, and with it Identity, is ready", 5);
        }
        while (!guesses.All(guess => guess.IsCompleted));
        var answers = (await Task.WhenAll(guesses)).Select(answer => answer.StatusCode).ToArray();
        Assert.That(answers, Is.All.AnyOf(HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests));
        Assert.That(answers.Count(status => status == HttpStatusCode.Unauthorized), Is.InRange(1, 20));
    }

    [Test]
    public async Task Without_Redis_each_gateway_limits_by_itself()
    {
        await using var platform = await Platform.StartAsync(
            ("Gateway:RequestsPerMinute", "5"), ("ConnectionStrings:redis", "127.0.0.1:1"));
        var (_, token) = await platform.CreateTokenAsync();
        using var client = platform.With(token);
        for (var i = 0; i < 5; i++)
        {
            Assert.That((await client.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        Assert.That((await client.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
    }
}
