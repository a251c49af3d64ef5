using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Testing;

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
