using System.Net;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

/// <summary>What people see of errors, and what programs do.</summary>
[TestFixture]
public sealed class ErrorPageTests
{
    private static readonly string[] Headers =
    [
        "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
    ];

    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await Platform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [TestCase("/no/such/page")]
    [TestCase("/account/nothing")]
    [TestCase("/device/nothing")]
    [TestCase("/.env")]
    [TestCase("/<script>alert(1)</script>")]
    public async Task A_page_that_is_not_there_is_said_so_in_a_page_of_the_same_rules(string path)
    {
        using var browser = new PageBrowser(_platform.With(null));
        using var sample = await browser.GetAsync("/sign-in");
        using var answer = await browser.GetAsync(path);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        await AssertPageAsync(browser, answer, sample);
        Assert.That(browser.Text, Does.Contain("There is no such page"));
        Assert.That(browser.Html, Does.Not.Contain("<script"));
        Assert.That(browser.Html, Does.Contain(StylesheetOf(await SignInHtmlAsync())), "the same style");
    }

    [TestCase("GET", "/api/v1/nothing")]
    [TestCase("GET", "/api/v1/me")]
    [TestCase("GET", "/oauth/token")]
    [TestCase("POST", "/oauth/token")]
    [TestCase("GET", "/.well-known/nothing")]
    [TestCase("GET", "/assets/nothing.css")]
    public async Task Where_programs_ask_the_answer_is_a_document_whatever_they_accept(string method, string path)
    {
        using var client = _platform.With(null);
        using var request = new HttpRequestMessage(new(method), new Uri(path, UriKind.Relative));
        request.Headers.Add("Accept", "text/html,*/*");
        if (method == "POST")
        {
            request.Content = new StringContent("grant_type=nothing", Encoding.ASCII, "application/x-www-form-urlencoded");
        }

        using var answer = await client.SendAsync(request);
        Assert.That((int)answer.StatusCode, Is.GreaterThanOrEqualTo(400));
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json").Or.EqualTo("application/json"));
    }

    [Test]
    public async Task Whoever_does_not_ask_for_a_page_gets_a_document()
    {
        using var client = _platform.With(null);
        using var answer = await client.GetAsync(new Uri("/no/such/page", UriKind.Relative));
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
    }

    [Test]
    public async Task A_form_that_is_too_large_is_said_so_in_a_page()
    {
        using var browser = new PageBrowser(_platform.With(null));
        using var sample = await browser.GetAsync("/sign-in");
        using var answer = await browser.PostAsync("/sign-in", fields: [("email", new string('x', 100_000))]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        await AssertPageAsync(browser, answer, sample);
    }

    [Test]
    public async Task Too_many_requests_are_said_so_in_a_page_with_the_time_to_wait()
    {
        var gateway = await _platform.StartGatewayAsync(("Gateway:AnonymousRequestsPerMinute", "3"));
        using var sampleBrowser = new PageBrowser(_platform.With(null));
        using var sample = await sampleBrowser.GetAsync("/sign-in");
        using var browser = new PageBrowser(_platform.With(null, gateway));
        var answer = await Eventually.GetAsync<HttpResponseMessage>(async () =>
        {
            var one = await browser.GetAsync("/sign-in");
            return one.StatusCode == HttpStatusCode.TooManyRequests ? one : null;
        }, "the limit");
        Assert.That(answer.Headers.RetryAfter, Is.Not.Null);
        await AssertPageAsync(browser, answer, sample);
        Assert.That(browser.Text, Does.Contain("Too many requests"));
        using var style = await browser.GetAsync(StylesheetOf(browser.Html));
        Assert.That(style.StatusCode, Is.EqualTo(HttpStatusCode.OK), "The style is no request to a service.");
        using var head = new HttpRequestMessage(HttpMethod.Head, new Uri("/sign-in", UriKind.Relative));
        using var bare = await browser.SendAsync(head, "none");
        Assert.That(bare.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/html"));
        Assert.That(browser.Html, Is.Empty);
    }

    [Test]
    public async Task What_breaks_is_a_page_with_the_number_for_the_operator_and_nothing_of_the_inside()
    {
        await using var platform = await Platform.StartAsync();
        using var browser = new PageBrowser(platform.With(null));
        using var sample = await browser.GetAsync("/sign-in");
        await platform.ExecuteAsync("alter table tokens rename to tokens_away");
        browser.SetCookie(SessionCookie.Name, SessionCookie.New());
        using (var broken = await browser.GetAsync("/account"))
        {
            Assert.That(broken.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
            await AssertPageAsync(browser, broken, sample);
            Assert.That(browser.Text, Does.Contain("Something went wrong").And.Contain("Give the operator this number"));
            Assert.That(browser.Text, Does.Not.Contain("tokens").And.Not.Contain("Npgsql"));
        }

        // And when Identity itself is away: nothing of the page comes from there.
        await platform.Identity.DisposeAsync();
        using var away = await browser.GetAsync("/sign-in");
        Assert.That(away.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        await AssertPageAsync(browser, away, sample);
        Assert.That(browser.Text, Does.Contain("Not available at the moment"));
        using var style = await browser.GetAsync(StylesheetOf(browser.Html));
        Assert.That(style.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(style.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/css"));
    }

    private async Task<string> SignInHtmlAsync()
    {
        using var browser = new PageBrowser(_platform.With(null));
        using var page = await browser.GetAsync("/sign-in");
        return browser.Html;
    }

    private static string StylesheetOf(string html)
    {
        const string Before = "<link rel=\"stylesheet\" href=\"";
        var from = html.IndexOf(Before, StringComparison.Ordinal) + Before.Length;
        return html[from..html.IndexOf('"', from)];
    }

    /// <param name="sample">A page of Identity, whose rules hold.</param>
    private static async Task AssertPageAsync(PageBrowser browser, HttpResponseMessage answer, HttpResponseMessage sample)
    {
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(browser.Html, Does.StartWith("<!DOCTYPE html>").And.Contain("<h1>"));
        Assert.That(await answer.Content.ReadAsByteArrayAsync(), Has.Length.EqualTo((int)answer.Content.Headers.ContentLength!));
        Assert.That(answer.Headers.CacheControl?.NoStore, Is.True);
        foreach (var name in Headers)
        {
            Assert.That(answer.Headers.GetValues(name), Is.EqualTo(sample.Headers.GetValues(name)), name);
        }
    }
}
