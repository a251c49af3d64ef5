using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class SignInTests
{
    [Test]
    public async Task Too_many_failures_close_the_account_for_a_while_whichever_instance_is_asked()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var first = await IdentityHost.StartAsync(database, null, ("Identity:FailedSignInsPerAccount", "3"));
        await using var second = await IdentityHost.StartAsync(database, null, ("Identity:FailedSignInsPerAccount", "3"));
        var (email, password) = ((string)first.Bootstrap["email"]!, (string)first.Bootstrap["password"]!);
        using var one = first.Service.AsForwarded();
        using var two = second.Service.AsForwarded();
        foreach (var client in new[] { one, two, one })
        {
            using var wrong = await client.PostAsJsonAsync("/api/v1/sign-in", new { email, password = "wrong" });
            Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        using var closed = await two.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
        Assert.That(closed.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(closed.Headers.RetryAfter?.Delta, Is.GreaterThan(TimeSpan.Zero));
        await first.ExecuteAsync("update failed_sign_ins set window_ends_at = now() - interval '1 second'");
        using var open = await two.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
        Assert.That(open.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(
            (await first.AuditAsync("authentication_failure")).Select(e => (string?)e["meta"]!["reason"]), Does.Contain("bad_password"));
    }

    [Test]
    public async Task Of_150_guesses_at_once_no_more_are_verified_than_may_fail_and_the_service_stays_ready()
    {
        await using var host = await IdentityHost.StartAsync(null, null, ("Identity:WaitingPasswordChecks", "200"));
        using var nobody = host.Service.AsForwarded();
        var email = (string)host.Bootstrap["email"]!;
        var guesses = Enumerable.Range(0, 150)
            .Select(i => nobody.PostAsJsonAsync("/api/v1/sign-in", new { email, password = $"guess {i}" })).ToArray();
        using var health = host.Service.As(null);
        do
        {
            using var ready = await health.GetAsync(new Uri("/health/ready", UriKind.Relative));
            Assert.That(ready.StatusCode, Is.EqualTo(HttpStatusCode.OK), await ready.Content.ReadAsStringAsync());
        }
        while (!guesses.All(guess => guess.IsCompleted));
        var answers = (await Task.WhenAll(guesses)).Select(answer => answer.StatusCode).ToArray();
        Assert.That(answers.Count(status => status == HttpStatusCode.Unauthorized), Is.EqualTo(20));
        Assert.That(answers.Count(status => status == HttpStatusCode.TooManyRequests), Is.EqualTo(130));
    }

    [Test]
    public async Task When_too_many_wait_to_be_verified_the_others_are_told_to_try_again_and_their_tries_do_not_count()
    {
        await using var host = await IdentityHost.StartAsync(
            null, null, ("Identity:PasswordChecks", "1"), ("Identity:WaitingPasswordChecks", "2"));
        var password = (string)host.Bootstrap["password"]!;
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            // From addresses of their own, for accounts of their own.
            using var nobody = host.Service.AsForwarded($"192.0.2.{i}");
            return await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email = $"nobody{i}@example.org", password });
        }));
        var refused = answers.Where(answer => answer.StatusCode == HttpStatusCode.TooManyRequests).ToArray();
        Assert.That(refused, Is.Not.Empty);
        Assert.That(refused.Select(answer => answer.Headers.RetryAfter?.Delta), Is.All.EqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(
            answers.Except(refused).Select(answer => answer.StatusCode), Is.Not.Empty.And.All.EqualTo(HttpStatusCode.Unauthorized));
        var counted = await host.Db.QuerySingleAsync<long>(
            "select sum(failures) from failed_sign_ins where key like 'account %'", null, CancellationToken.None);
        Assert.That(counted, Is.EqualTo(40 - refused.Length));
    }

    [Test]
    public async Task A_right_password_counts_against_nothing()
    {
        await using var host = await IdentityHost.StartAsync(null, null, ("Identity:FailedSignInsPerAccount", "3"));
        using var nobody = host.Service.AsForwarded();
        var (email, password) = ((string)host.Bootstrap["email"]!, (string)host.Bootstrap["password"]!);
        for (var i = 0; i < 6; i++)
        {
            using var answer = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }
    }

    [Test]
    public async Task An_address_at_its_limit_uses_up_neither_an_account_nor_the_audit_log()
    {
        await using var host = await IdentityHost.StartAsync(
            null, null, ("Identity:FailedSignInsPerAddress", "5"), ("Identity:FailedSignInsPerAccount", "3"));
        using var attacker = host.Service.AsForwarded("192.0.2.1");
        var (email, password) = ((string)host.Bootstrap["email"]!, (string)host.Bootstrap["password"]!);
        for (var i = 0; i < 700; i++)
        {
            using var _ = await attacker.PostAsJsonAsync("/api/v1/sign-in", new { email = $"nobody{i}@example.org", password = "x" });
        }

        for (var i = 0; i < 5; i++)
        {
            using var refused = await attacker.PostAsJsonAsync("/api/v1/sign-in", new { email, password = "x" });
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        }

        using var elsewhere = host.Service.AsForwarded("192.0.2.2");
        using var wrong = await elsewhere.PostAsJsonAsync("/api/v1/sign-in", new { email, password = "wrong" });
        Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), "The account's tries are not used up.");
        var told = await host.AuditAsync("authentication_failure");
        Assert.That(
            told.Where(e => (string?)e["actor"]!["email"] == email).Select(e => (string?)e["meta"]!["reason"]),
            Is.EquivalentTo(new[] { "too_many_failures", "bad_password" }), "The administrator's own are there.");
        Assert.That(told, Has.Count.LessThan(10));
        using var right = await elsewhere.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
        Assert.That(right.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Three_wrong_passwords_in_a_minute_are_told_with_their_count()
    {
        await using var host = await IdentityHost.StartAsync();
        using var nobody = host.Service.AsForwarded();
        var email = (string)host.Bootstrap["email"]!;
        for (var i = 0; i < 3; i++)
        {
            using var wrong = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email, password = "wrong" });
        }

        // The minute is over in two.
        await host.Service.Services.GetRequiredService<AuthenticationFailures>().WriteCountsAsync(
            TimeProvider.System.GetUtcNow().AddMinutes(2), CancellationToken.None);
        var told = await host.AuditAsync("authentication_failure");
        Assert.That(told.Sum(e => (int)e["meta"]!["count"]!), Is.EqualTo(3));
        Assert.That(told, Has.Count.LessThanOrEqualTo(3));
        Assert.That(told.Select(e => (string?)e["actor"]!["email"]), Is.All.EqualTo(email));
        Assert.That(told.Select(e => (string?)e["source_address"]), Is.All.EqualTo("192.0.2.7"));
    }

    [Test]
    public async Task Unknown_failures_beyond_what_the_audit_log_takes_in_a_minute_are_told_together()
    {
        await using var host = await IdentityHost.StartAsync();
        var failures = host.Service.Services.GetRequiredService<AuthenticationFailures>();
        for (var i = 0; i < 700; i++)
        {
            await failures.RecordAsync($"address {i}", null, "unknown_token", RequestOrigin.Unknown, CancellationToken.None);
        }

        await failures.WriteCountsAsync(TimeProvider.System.GetUtcNow().AddMinutes(2), CancellationToken.None);
        var told = (await host.AuditAsync("authentication_failure"))
            .Where(e => (string?)e["meta"]!["reason"] == "unknown_token").ToArray();
        Assert.That(told.Sum(e => (int)e["meta"]!["count"]!), Is.EqualTo(700));
        Assert.That(told.Max(e => (int)e["meta"]!["count"]!), Is.LessThanOrEqualTo(100));
    }

    [Test]
    public async Task Without_the_gateway_nobody_signs_in()
    {
        await using var host = await IdentityHost.StartAsync();
        using var direct = host.Service.As(null);
        var (email, password) = ((string)host.Bootstrap["email"]!, (string)host.Bootstrap["password"]!);
        foreach (var path in new[] { "/api/v1/sign-in", "/oauth/token", "/oauth/revoke" })
        {
            using var refused = await direct.PostAsJsonAsync(path, new { email, password });
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), path);
        }

        using var forwarded = host.Service.AsForwarded("192.0.2.9");
        using var signedIn = await forwarded.PostAsJsonAsync("/api/v1/sign-in", new { email, password });
        Assert.That(signedIn.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(
            (await host.AuditAsync("authentication_success")).Select(e => (string?)e["source_address"]), Has.One.EqualTo("192.0.2.9"));
    }

    [Test]
    public async Task An_unknown_address_is_answered_like_a_wrong_password()
    {
        await using var host = await IdentityHost.StartAsync();
        using var nobody = host.Service.AsForwarded();
        using var unknown = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email = "nobody@example.org", password = "x" });
        using var wrong = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email = (string)host.Bootstrap["email"]!, password = "x" });
        var (a, b) = (await unknown.JsonAsync(), await wrong.JsonAsync());
        a.Remove("trace_id");
        b.Remove("trace_id");
        Assert.That(unknown.StatusCode, Is.EqualTo(wrong.StatusCode).And.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(a.ToJsonString(), Is.EqualTo(b.ToJsonString()));
    }
}
