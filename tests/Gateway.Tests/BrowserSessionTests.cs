using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

/// <summary>The cookie of a browser's session at the gateway: pages, and the API for pages of this host.</summary>
[TestFixture]
public sealed class BrowserSessionTests
{
    private static readonly Uri Me = new("/api/v1/me", UriKind.Relative);
    private static readonly Uri Organizations = new("/api/v1/orgs", UriKind.Relative);
    private Platform _platform = null!;
    private string _secret = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await Platform.StartAsync();
        using var browser = Browser();
        await browser.SignInAsync(_platform.Email, _platform.Password);
        _secret = browser.Cookies[SessionCookie.Name];
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_page_signs_in_through_the_gateway_with_its_own_headers()
    {
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in");
        Assert.That(
            page.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("style-src 'self'").And.Contain("form-action 'self'"));
        Assert.That(page.Headers.GetValues("X-Content-Type-Options"), Is.EqualTo(new[] { "nosniff" }));
        Assert.That(page.Headers.GetValues("Referrer-Policy"), Is.EqualTo(new[] { "no-referrer" }));
        await browser.SignInAsync(_platform.Email, _platform.Password);
        using var account = await browser.GetAsync("/account");
        Assert.That(account.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var home = await browser.GetAsync("/");
        Assert.That(home.Headers.Location?.OriginalString, Is.EqualTo("/account"));
        using var api = await _platform.With(null).GetAsync(Me);
        Assert.That(api.Headers.GetValues("Content-Security-Policy"), Is.EqualTo(new[] { "default-src 'none'; frame-ancestors 'none'" }));
    }

    // 8
    [TestCase("same-origin", HttpStatusCode.OK)]
    [TestCase("same-site", HttpStatusCode.Unauthorized)]
    [TestCase("cross-site", HttpStatusCode.Unauthorized)]
    [TestCase("none", HttpStatusCode.Unauthorized)]
    [TestCase(null, HttpStatusCode.Unauthorized)]
    public async Task The_session_reads_the_API_from_pages_of_this_host_only(string? site, HttpStatusCode expected)
    {
        using var request = Request(HttpMethod.Get, Me, site);
        using var client = _platform.With(null);
        using var answer = await client.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(expected));
    }

    [Test]
    public async Task A_change_needs_what_no_form_of_another_site_can_send()
    {
        // 8
        using var client = _platform.With(null);
        using var form = Request(HttpMethod.Post, Organizations, "same-origin");
        form.Content = new FormUrlEncodedContent([new("slug", "x")]);
        using var refused = await client.SendAsync(form);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var text = Request(HttpMethod.Post, Organizations, "same-origin");
        text.Content = new StringContent("""{"slug": "by-text", "name": "By text"}""", new MediaTypeHeaderValue("text/plain"));
        using var asText = await client.SendAsync(text);
        Assert.That(asText.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var json = Request(HttpMethod.Post, Organizations, "same-origin");
        json.Content = JsonContent.Create(new { slug = "by-page", name = "By a page" });
        using var created = await client.SendAsync(json);
        Assert.That(created.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        using var foreign = Request(HttpMethod.Post, Organizations, "cross-site");
        foreign.Content = JsonContent.Create(new { slug = "by-other", name = "By another" });
        using var cross = await client.SendAsync(foreign);
        Assert.That(cross.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var delete = Request(HttpMethod.Delete, new("/api/v1/orgs/by-page", UriKind.Relative), "same-origin");
        using var bare = await client.SendAsync(delete);
        Assert.That(bare.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var scripted = Request(HttpMethod.Delete, new("/api/v1/orgs/by-page", UriKind.Relative), "same-origin");
        scripted.Headers.Add("X-Requested-With", "fetch");
        using var deleted = await client.SendAsync(scripted);
        Assert.That(deleted.IsSuccessStatusCode, Is.True);
    }

    [Test]
    public async Task The_cookie_says_nothing_beside_an_Authorization_header_and_is_no_bearer_token()
    {
        using var client = _platform.With(null);
        using var both = Request(HttpMethod.Get, Me, "same-origin");
        both.Headers.Authorization = new("Bearer", SecretFormat.New(SecretFormat.TokenPrefix));
        using var refused = await client.SendAsync(both);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var basic = Request(HttpMethod.Get, Me, "same-origin");
        basic.Headers.Authorization = new("Basic", "eDp5");
        using var other = await client.SendAsync(basic);
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var bearer = _platform.With(_secret);
        using var asToken = await bearer.GetAsync(Me);
        Assert.That(asToken.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var token = new HttpRequestMessage(HttpMethod.Get, Me);
        token.Headers.Add("Cookie", $"{SessionCookie.Name}={_platform.OperatorToken}");
        token.Headers.Add("Sec-Fetch-Site", "same-origin");
        using var asCookie = await client.SendAsync(token);
        Assert.That(asCookie.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_session_that_is_signed_out_is_refused_by_the_API_within_a_second()
    {
        // 4
        using var browser = Browser();
        await browser.SignInAsync(_platform.Email, _platform.Password);
        var secret = browser.Cookies[SessionCookie.Name];
        using var client = _platform.With(null);
        using var before = Request(HttpMethod.Get, Me, "same-origin", secret);
        using var good = await client.SendAsync(before);
        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var page = await browser.GetAsync("/sign-out");
        using var signedOut = await browser.PostAsync("/sign-out");
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var again = Request(HttpMethod.Get, Me, "same-origin", secret);
                using var answer = await client.SendAsync(again);
                return answer.StatusCode == HttpStatusCode.Unauthorized;
            },
            "the revocation is heard", seconds: 5);
    }

    private HttpRequestMessage Request(HttpMethod method, Uri path, string? site, string? secret = null)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Cookie", $"{SessionCookie.Name}={secret ?? _secret}");
        if (site is not null)
        {
            request.Headers.Add("Sec-Fetch-Site", site);
        }

        return request;
    }

    private PageBrowser Browser() => new(new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
    {
        BaseAddress = _platform.Gateway.Address,
    });
}
