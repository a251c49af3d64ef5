using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

/// <summary>
/// Answers of Identity are kept for a minute here, so that what takes effect sooner does so because the gateway was notified.
/// </summary>
[TestFixture]
public sealed class BearerTests
{
    private static readonly Uri Me = new("/api/v1/me", UriKind.Relative);
    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await Platform.StartAsync(("Gateway:TokenCacheSeconds", "60"));

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_revoked_token_is_refused_by_every_gateway_within_a_second()
    {
        var second = await _platform.StartGatewayAsync(("Gateway:TokenCacheSeconds", "60"));
        for (var round = 0; round < 5; round++)
        {
            var (id, token) = await _platform.CreateTokenAsync();
            using var one = _platform.With(token);
            using var two = _platform.With(token, second);
            Assert.That((await one.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That((await two.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
            using var client = _platform.AsOperator();
            using var revoked = await client.DeleteAsync(new Uri($"/api/v1/orgs/default/tokens/{id}", UriKind.Relative));
            Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
            await Task.Delay(1_000);
            Assert.That((await one.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"round {round}");
            Assert.That((await two.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"round {round}");
        }
    }

    [Test]
    public async Task A_token_is_refused_from_the_moment_that_it_expires()
    {
        var (_, token) = await _platform.CreateTokenAsync(TimeProvider.System.GetUtcNow().AddSeconds(2));
        using var client = _platform.With(token);
        Assert.That((await client.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await Task.Delay(2_100);
        Assert.That((await client.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task An_organization_can_be_used_at_once_by_who_created_it()
    {
        using var client = _platform.AsOperator();
        Assert.That((await client.GetAsync(Me)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        for (var i = 0; i < 5; i++)
        {
            var slug = "org-" + Guid.CreateVersion7().ToString("N")[^10..];
            using var created = await client.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "New" });
            Assert.That(created.StatusCode, Is.EqualTo(HttpStatusCode.Created));
            await Eventually.BecomesTrueAsync(
                async () => (await client.GetAsync(new Uri($"/api/v1/orgs/{slug}/members", UriKind.Relative))).StatusCode
                    == HttpStatusCode.OK, "The organization is known.", 1);
        }
    }

    [Test]
    public async Task A_deleted_organization_is_gone_at_every_gateway_and_back_when_it_is_restored()
    {
        var second = await _platform.StartGatewayAsync(("Gateway:TokenCacheSeconds", "60"));
        using var one = _platform.AsOperator();
        using var two = _platform.With(_platform.OperatorToken, second);
        var slug = "org-" + Guid.CreateVersion7().ToString("N")[^10..];
        using var created = await one.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "Gone" });
        var path = new Uri($"/api/v1/orgs/{slug}", UriKind.Relative);
        async Task BecomesAsync(HttpStatusCode status)
        {
            foreach (var client in new[] { one, two })
            {
                await Eventually.BecomesTrueAsync(
                    async () => (await client.GetAsync(new Uri(path + "/members", UriKind.Relative))).StatusCode == status, $"{status}");
            }
        }

        await BecomesAsync(HttpStatusCode.OK);
        Assert.That((await one.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await BecomesAsync(HttpStatusCode.NotFound);
        Assert.That((await two.PostAsync(new Uri(path + "/restore", UriKind.Relative), null)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await BecomesAsync(HttpStatusCode.OK);
    }

    [Test]
    public async Task Another_organization_is_not_there()
    {
        using var client = _platform.AsOperator();
        var slug = "org-" + Guid.CreateVersion7().ToString("N")[^10..];
        using var created = await client.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "Other" });
        var (_, token) = await _platform.CreateTokenAsync();
        using var scoped = _platform.With(token);
        foreach (var org in new[] { slug, "no-such-organization" })
        {
            using var response = await scoped.GetAsync(new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("nonsense")]
    [TestCase("envp_000000000000000000000000000000000000")]
    public async Task A_request_without_a_good_token_is_refused(string? token)
    {
        using var client = _platform.With(null);
        if (token is not null)
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }

        using var response = await client.GetAsync(Me);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(response.Headers.WwwAuthenticate.Single().Scheme, Is.EqualTo("Bearer"));
        Assert.That((string?)(await response.JsonAsync())["code"], Is.EqualTo("unauthorized"));
    }

    [Test]
    public async Task Requests_that_come_together_with_one_token_ask_Identity_once()
    {
        var (_, token) = await _platform.CreateTokenAsync();
        long calls = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "envplatform.gateway.introspections")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref calls, value));
        listener.Start();
        using var client = _platform.With(token);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => client.GetAsync(Me)));
        Assert.That(answers.Select(answer => answer.StatusCode), Is.All.EqualTo(HttpStatusCode.OK));
        Assert.That(Interlocked.Read(ref calls), Is.EqualTo(1));
    }

    [Test]
    public async Task Without_Identity_known_tokens_work_for_a_while_and_others_are_told_to_try_again()
    {
        await using var own = await Platform.StartAsync(("Gateway:TokenCacheSeconds", "1"), ("Gateway:TokenGraceSeconds", "3"));
        var environments = new Uri("/api/v1/orgs/default/environments", UriKind.Relative);
        using var known = own.AsOperator();
        using var unknown = own.With(SecretFormat.New(SecretFormat.TokenPrefix));
        Assert.That((await known.GetAsync(environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var last = TimeProvider.System.GetTimestamp();
        await own.Identity.DisposeAsync();
        using var refused = await unknown.GetAsync(environments);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(refused.Headers.RetryAfter, Is.Not.Null);
        await Task.Delay(1_500);
        var stillKnown = (await known.GetAsync(environments)).StatusCode;
        if (TimeProvider.System.GetElapsedTime(last) < TimeSpan.FromSeconds(3))
        {
            Assert.That(stillKnown, Is.EqualTo(HttpStatusCode.OK), "The answer is older than its time and within the grace.");
        }

        await Task.Delay(3_000);
        Assert.That((await known.GetAsync(environments)).StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        using var health = await known.GetAsync(new Uri("/health/ready", UriKind.Relative));
        Assert.That(await health.Content.ReadAsStringAsync(), Does.Contain("identity"));
    }
}
