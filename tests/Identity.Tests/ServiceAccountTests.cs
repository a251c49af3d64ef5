using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class ServiceAccountTests
{
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _nobody = _host.Service.AsForwarded();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _nobody.Dispose();
        await _host.DisposeAsync();
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_service_account_signs_in_by_form_or_by_basic(bool basic)
    {
        var org = await _host.CreateOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "auditor");
        using var response = await SignInAsync(id, secret, basic);
        var answer = await response.JsonAsync();
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That((string?)answer["token_type"], Is.EqualTo("Bearer"));
            Assert.That((int)answer["expires_in"]!, Is.EqualTo(3_600));
            Assert.That(response.Headers.CacheControl?.NoStore, Is.True);
        });
        var reply = await _host.IntrospectAsync((string)answer["access_token"]!);
        Assert.Multiple(() =>
        {
            Assert.That(reply.SubjectType, Is.EqualTo("service_account"));
            Assert.That(reply.Memberships.Select(m => (m.Slug, m.Role)), Is.EqualTo(new[] { (org, "auditor") }));
            Assert.That(reply.ExpiresAtUnixSeconds, Is.EqualTo(TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds()).Within(5));
        });
    }

    [Test]
    public async Task A_wrong_secret_is_refused_as_oauth_says_and_audited_once_a_minute()
    {
        var (id, _) = await CreateAsync(await _host.CreateOrganizationAsync(), "member");
        for (var i = 0; i < 20; i++)
        {
            using var response = await SignInAsync(id, SecretFormat.New(SecretFormat.ClientSecretPrefix), basic: true);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That((string?)(await response.JsonAsync())["error"], Is.EqualTo("invalid_client"));
            Assert.That(response.Headers.WwwAuthenticate.Single().Scheme, Is.EqualTo("Basic"));
        }

        var failures = (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["actor"]!["id"] == id).ToList();
        Assert.That(failures, Has.Count.InRange(1, 2), "Two where the minute turned.");
        Assert.That((string?)failures[0]["organization_id"], Is.Not.Null);
    }

    [Test]
    public async Task Unknown_clients_cannot_fill_the_audit_log()
    {
        for (var i = 0; i < 30; i++)
        {
            using var response = await SignInAsync(Guid.CreateVersion7().ToString(), "x", basic: false);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        var failures = (await _host.AuditAsync("authentication_failure"))
            .Where(e => (string?)e["meta"]!["reason"] == "unknown_client").ToList();
        Assert.That(failures, Has.Count.InRange(1, 2));
        Assert.That(failures[0]["organization_id"], Is.Null);
    }

    [TestCase("grant_type=password&username=a&password=b", "unsupported_grant_type")]
    [TestCase("client_id=a", "invalid_request")]
    [TestCase("grant_type=client_credentials&grant_type=client_credentials", "invalid_request")]
    public async Task Other_requests_for_a_token_are_refused_as_oauth_says(string form, string error)
    {
        using var content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await _nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((string?)(await response.JsonAsync())["error"], Is.EqualTo(error));
    }

    private static readonly TestCaseData[] BadForms =
    [
        new TestCaseData("multipart/form-data", "x").SetArgDisplayNames("multipart without a boundary"),
        new TestCaseData("multipart/form-data; boundary=x", "--x\r\n").SetArgDisplayNames("multipart that is cut off"),
        new TestCaseData("application/x-www-form-urlencoded", "a=%00").SetArgDisplayNames("NUL"),
        new TestCaseData(
            "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=%1b%5b2J&client_secret=x")
            .SetArgDisplayNames("a control character"),
        new TestCaseData("application/x-www-form-urlencoded", string.Join('&', Enumerable.Range(0, 2_000).Select(i => $"f{i}=x")))
            .SetArgDisplayNames("too many fields"),
        new TestCaseData("application/x-www-form-urlencoded", new string('k', 10_000) + "=x").SetArgDisplayNames("a long name"),
        new TestCaseData("application/x-www-form-urlencoded; charset=utf-7", "grant_type=client_credentials").SetArgDisplayNames("utf-7"),
        new TestCaseData("application/x-www-form-urlencoded; charset=bogus", "grant_type=client_credentials").SetArgDisplayNames("bogus"),
        new TestCaseData("application/json; charset=bogus", "{}").SetArgDisplayNames("JSON"),
        new TestCaseData("nonsense", "x").SetArgDisplayNames("no media type"),
    ];

    [TestCaseSource(nameof(BadForms))]
    public async Task A_form_that_cannot_be_read_is_refused_as_oauth_says(string type, string body)
    {
        foreach (var path in new[] { "/oauth/token", "/oauth/revoke" })
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            using var response = await _nobody.PostAsync(new Uri(path, UriKind.Relative), content);
            var text = await response.Content.ReadAsStringAsync();
            if (!type.Contains("json", StringComparison.Ordinal))
            {
                Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), $"{path}: {text}");
                Assert.That(text, Does.Contain("invalid_request"));
            }
            else
            {
                Assert.That((int)response.StatusCode, Is.InRange(400, 415), $"{path}: {text}");
            }
        }
    }

    [TestCase("br")]
    [TestCase("gzip")]
    [TestCase("deflate")]
    public async Task A_form_that_is_not_packed_as_it_says_is_refused(string encoding)
    {
        using var content = new StringContent("grant_type=client_credentials", Encoding.UTF8, "application/x-www-form-urlencoded");
        content.Headers.ContentEncoding.Add(encoding);
        using var response = await _nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await response.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task A_deleted_service_account_and_its_tokens_are_void()
    {
        var org = await _host.CreateOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "member");
        using var signedIn = await SignInAsync(id, secret, basic: true);
        var token = (string)(await signedIn.JsonAsync())["access_token"]!;
        using var stranger = await _host.AsNewMemberAsync(await _host.CreateOrganizationAsync(), "administrator");
        using var member = await _host.AsNewMemberAsync(org);
        using var client = await _host.AsOperatorAsync();
        var path = new Uri($"/api/v1/orgs/{org}/service-accounts/{id}", UriKind.Relative);
        Assert.That((await stranger.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await member.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.True);
        Assert.That((await client.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        using var refused = await SignInAsync(id, secret, basic: true);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task Whoever_holds_a_token_can_void_it_but_a_client_only_its_own()
    {
        var org = await _host.CreateOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "member");
        using var signedIn = await SignInAsync(id, secret, basic: true);
        var own = (string)(await signedIn.JsonAsync())["access_token"]!;
        var another = await _host.AddMemberAsync(org, "member");
        Assert.That((await RevokeAsync(another, id, secret)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(another)).Active, Is.True, "It is not the client's.");
        Assert.That((await RevokeAsync(another, id, "wrong")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await RevokeAsync(own, id, secret)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(own)).Active, Is.False);
        Assert.That((await RevokeAsync(another, null, null)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(another)).Active, Is.False);
        Assert.That((await RevokeAsync(another, null, null)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await RevokeAsync("", null, null)).StatusCode, Is.EqualTo(HttpStatusCode.OK), "An unknown token is void already.");
    }

    [Test]
    public async Task A_retried_creation_answers_the_same_secret()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        client.DefaultRequestHeaders.Add("Idempotency-Key", Guid.CreateVersion7().ToString());
        using var first = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "ci", role = "member" });
        using var second = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "ci", role = "member" });
        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await second.Content.ReadAsStringAsync(), Is.EqualTo(await first.Content.ReadAsStringAsync()));
    }

    private async Task<(string Id, string Secret)> CreateAsync(string org, string role)
    {
        using var client = await _host.AsOperatorAsync();
        using var response = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "ci", role });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        var answer = await response.JsonAsync();
        return ((string)answer["client_id"]!, (string)answer["client_secret"]!);
    }

    private async Task<HttpResponseMessage> SignInAsync(string id, string secret, bool basic)
    {
        var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/token");
        if (basic)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{id}:{secret}")));
        }
        else
        {
            (form["client_id"], form["client_secret"]) = (id, secret);
        }

        request.Content = new FormUrlEncodedContent(form);
        return await _nobody.SendAsync(request);
    }

    private async Task<HttpResponseMessage> RevokeAsync(string token, string? id, string? secret)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/revoke");
        request.Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = token });
        if (id is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{id}:{secret}")));
        }

        return await _nobody.SendAsync(request);
    }
}
