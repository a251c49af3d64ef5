using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

using Yarp.ReverseProxy.Configuration;

namespace EnvPlatform.Gateway.Tests;

[TestFixture]
public sealed class ForwardingTests
{
    private static readonly Uri Environments = new("/api/v1/orgs/default/environments", UriKind.Relative);
    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await Platform.StartAsync(("services:scanner:http:0", "http://127.0.0.1:1"));

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public void Every_route_names_a_policy_and_only_signing_in_and_joining_are_for_anybody()
    {
        var routes = _platform.Gateway.Services.GetRequiredService<IProxyConfigProvider>().GetConfig().Routes;
        Assert.That(routes, Has.Count.GreaterThan(20));
        Assert.That(routes.Where(route => string.IsNullOrEmpty(route.AuthorizationPolicy)).Select(route => route.RouteId), Is.Empty);
        Assert.That(
            routes.Where(route => route.AuthorizationPolicy == "anonymous").Select(route => route.RouteId),
            Is.EquivalentTo(new[]
            {
                "oauth", "discovery", "sign-in", "join", "home-page", "sign-in-page", "sign-out-page", "account-pages",
                "authorize-page", "device-pages", "password-pages", "confirm-page", "invitation-pages", "page-assets",
                "invitation-lookup", "invitation-decline", "enrol", "token-reports",
            }));
        Assert.That(
            _platform.Gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints
                .Where(endpoint => endpoint.Metadata.GetMetadata<IAuthorizeData>() is null
                    && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null)
                .Select(endpoint => endpoint.DisplayName), Is.Empty);
    }

    [Test]
    public async Task A_service_is_told_who_is_calling_and_never_sees_the_token()
    {
        using var client = _platform.AsOperator();
        client.DefaultRequestHeaders.Add("X-Request-Id", "my-request.1");
        client.DefaultRequestHeaders.UserAgent.ParseAdd("agent/1.0");
        client.DefaultRequestHeaders.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        using var response = await client.GetAsync(Environments);
        var seen = await response.JsonAsync();
        var assertion = seen["assertion"]!;
        Assert.Multiple(() =>
        {
            Assert.That(seen["headers"]!.AsArray().Select(h => (string?)h), Does.Not.Contain("Authorization"));
            Assert.That((string?)assertion["requestId"], Is.EqualTo("my-request.1"));
            Assert.That((string?)assertion["userAgent"], Is.EqualTo("agent/1.0"));
            Assert.That((string?)assertion["sourceAddress"], Is.EqualTo("127.0.0.1"));
            Assert.That((string?)seen["audience"], Is.EqualTo("ingest"), "no other service accepts it");
            Assert.That((string?)assertion["memberships"]![0]!["slug"], Is.EqualTo("default"));
            Assert.That(response.Headers.GetValues("X-Request-Id"), Is.EqualTo(new[] { "my-request.1" }));
            Assert.That((string?)seen["trace_parent"], Does.StartWith("00-0af7651916cd43dd8448eb211c80319c-"));
        });
    }

    [Test]
    public async Task A_forged_assertion_is_replaced()
    {
        var forged = new Assertion(
            Guid.CreateVersion7(), "user", "eve@example.org", "Eve", true, [], null, "", null, null,
            TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds())
            .Sign(ServiceFixture<GatewayOptions>.Key);
        using var client = _platform.AsOperator();
        client.DefaultRequestHeaders.Add(Assertion.Header, [forged, forged]);
        var seen = await (await client.GetAsync(Environments)).JsonAsync();
        Assert.That((string?)seen["assertion"]?["email"], Is.EqualTo("administrator@localhost"));
        using var nobody = _platform.With(null);
        nobody.DefaultRequestHeaders.Add(Assertion.Header, forged);
        Assert.That((await nobody.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var signIn = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email = "x", password = "y" });
        Assert.That(signIn.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [TestCase("User-Agent: M\u00c3\u00bcller", TestName = "UTF-8")]
    [TestCase("User-Agent: M\u00fcller", TestName = "Latin-1")]
    [TestCase("X-Anything: \u00ff\u00fe\u0080", TestName = "no text at all")]
    [TestCase("tracestate: a=\u00fc\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TestName = "trace state")]
    [TestCase("baggage: a=\u00fc", TestName = "baggage")]
    [TestCase("Idempotency-Key: \u00fc", TestName = "Idempotency-Key")]
    [TestCase("X-Request-Id: \u00fc", TestName = "X-Request-Id")]
    [TestCase("X-Org-Name: \u00fc", TestName = "X-Org-Name")]
    public async Task A_header_that_is_not_ASCII_is_a_header(string header)
    {
        foreach (var path in new[] { "/api/v1/me", "/api/v1/orgs/default/members", "/api/v1/orgs/default/activation" })
        {
            var (_, token) = await _platform.CreateTokenAsync();
            var answer = await RawConnection.AskAsync(
                _platform.Gateway.Address,
                $"GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n{header}\r\nConnection: close\r\n\r\n");
            Assert.That(answer!.Status, Is.EqualTo(200), $"{path}: {answer.Head}{answer.Body}");
        }
    }

    [TestCase("M\u00c3\u00bcller", "M\u00fcller", TestName = "UTF-8 user agent")]
    [TestCase("M\u00fcller", "M\u00fcller", TestName = "Latin-1 user agent")]
    public async Task A_user_agent_is_read_as_the_text_that_it_is(string sent, string expected)
    {
        var answer = await RawConnection.AskAsync(
            _platform.Gateway.Address,
            $"GET {Environments} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {_platform.OperatorToken}\r\nUser-Agent: {sent}\r\n"
            + "Connection: close\r\n\r\n");
        Assert.That((string?)JsonNode.Parse(Encoding.Latin1.GetBytes(answer!.Body))!["assertion"]!["userAgent"], Is.EqualTo(expected));
    }

    [Test]
    public async Task An_address_or_headers_that_are_too_large_are_a_problem_document()
    {
        var lines = string.Concat(Enumerable.Range(0, 70).Select(i => $"X-Filler-{i}: x\r\n"));
        foreach (var (status, code, target, headers) in new[]
        {
            (414, "uri_too_long", $"/api/v1/me?q={new string('q', 60_000)}", ""),
            (431, "headers_too_large", "/api/v1/me", $"X-Filler: {new string('x', 20_000)}\r\n"),
            (431, "headers_too_large", "/api/v1/me", lines),
            (431, "headers_too_large", "/api/v1/me", string.Concat(Enumerable.Repeat("X-Filler: x\r\n", 70))),
        })
        {
            var answer = await RawConnection.AskAsync(
                _platform.Gateway.Address, $"GET {target} HTTP/1.1\r\nHost: gateway\r\n{headers}Connection: close\r\n\r\n");
            Assert.That(answer!.Status, Is.EqualTo(status), answer.Head);
            Assert.That(answer.Header("Content-Type"), Does.StartWith("application/problem+json"));
            Assert.That((string?)JsonNode.Parse(answer.Body)!["code"], Is.EqualTo(code));
        }
    }

    [Test]
    public async Task An_address_that_the_gateway_lets_through_is_not_too_long_for_a_service()
    {
        using var client = _platform.AsOperator();
        using var response = await client.GetAsync(new Uri($"/api/v1/me/organizations?slug={new string('q', 45_000)}", UriKind.Relative));
        Assert.That((string?)(await response.JsonAsync())["errors"]!["slug"]![0], Does.Contain("40"), "the service has read it");
    }

    [TestCase("a b")]
    [TestCase("<script>")]
    [TestCase("0123456789012345678901234567890123456789012345678901234567890123456789")]
    public async Task An_odd_request_id_is_replaced(string id)
    {
        using var client = _platform.AsOperator();
        client.DefaultRequestHeaders.TryAddWithoutValidation("X-Request-Id", id);
        using var response = await client.GetAsync(Environments);
        Assert.That(Guid.TryParse(response.Headers.GetValues("X-Request-Id").Single(), out _), Is.True);
    }

    [Test]
    public async Task A_service_that_is_away_is_a_problem_to_try_again()
    {
        using var client = _platform.AsOperator();
        using var response = await client.GetAsync(new Uri("/api/v1/orgs/default/search?q=x", UriKind.Relative));
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(response.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(1)));
            Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        });
        Assert.That((string?)(await response.JsonAsync())["code"], Is.EqualTo("service_unavailable"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_body_over_the_limit_of_its_route_is_too_large(bool chunked)
    {
        using var client = _platform.AsOperator();
        client.DefaultRequestHeaders.TransferEncodingChunked = chunked;
        using var fits = await PostAsync(client, "/api/v1/orgs/default/environment-logs", 16_000_000);
        Assert.That(fits.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((long)(await fits.JsonAsync())["length"]!, Is.EqualTo(16_000_000));
        using var log = await PostAsync(client, "/api/v1/orgs/default/environment-logs", 18_000_000);
        using var other = await PostAsync(client, "/api/v1/orgs/default/activation", 1_100_000);
        Assert.That(log.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        Assert.That((string?)(await other.JsonAsync())["code"], Is.EqualTo("too_large"));
    }

    [Test]
    public async Task What_the_gateway_does_not_forward_is_not_there()
    {
        using var client = _platform.AsOperator();
        foreach (var path in new[]
        {
            "/nothing", "/api/v1/orgs/default/nothing", "/api/v2/me", "/identity", "/envplatform.identity.v1.Tokens/Introspect",
        })
        {
            using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), path);
            Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"), path);
        }
    }

    [Test]
    public async Task A_service_account_signs_in_by_basic_through_the_gateway()
    {
        using var client = _platform.AsOperator();
        using var created = await client.PostAsJsonAsync("/api/v1/orgs/default/service-accounts", new { name = "ci", role = "member" });
        var account = await created.JsonAsync();
        using var nobody = _platform.With(null);
        nobody.DefaultRequestHeaders.Authorization = new(
            "Basic", Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes($"{account["client_id"]}:{account["client_secret"]}")));
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "client_credentials" });
        using var signedIn = await nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), form);
        using var service = _platform.With((string?)(await signedIn.JsonAsync())["access_token"]);
        Assert.That((string?)(await (await service.GetAsync(Environments)).JsonAsync())["assertion"]!["subjectType"],
            Is.EqualTo("service_account"));
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, string path, int length)
    {
        using var content = new ByteArrayContent(new byte[length]);
        return await client.PostAsync(new Uri(path, UriKind.Relative), content);
    }
}
