using System.Net;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>The sign-in of programs, through the gateway, with an OAuth 2 client that somebody else wrote.</summary>
public sealed class OAuthClientTests
{
    private const string Cli = "envplatform-cli";
    private const string Redirect = "http://127.0.0.1:49321/";
    private static readonly NodeScript Script = new("EndToEnd.Tests/OAuth", "client.js");

    private static Platform Platform => SharedPlatform.Platform;

    [Test]
    public async Task The_client_finds_the_endpoints()
    {
        var found = await StepAsync("discover", Cli);
        foreach (var form in new[] { "oauth2", "oidc" })
        {
            Assert.That((string?)found[form]!["token_endpoint"], Does.EndWith("/oauth/token"));
            Assert.That((string?)found[form]!["issuer"], Does.StartWith(Platform.Bootstrap.Url));
            Assert.That(
                found[form]!["grant_types_supported"]!.AsArray().Select(type => (string?)type),
                Does.Contain("urn:ietf:params:oauth:grant-type:token-exchange"));
            var names = found[form]!.AsObject().Select(member => member.Key).ToArray();
            Assert.That(names, Has.None.StartsWith("id_token"));
            Assert.That(names, Has.None.StartsWith("claims"));
        }
    }

    [Test]
    public async Task The_client_signs_somebody_in_by_a_code_refreshes_and_revokes()
    {
        var begun = await StepAsync("authorize", Cli, ("redirect_uri", Redirect));
        using var browser = Browser();
        var path = new Uri((string)begun["url"]!).PathAndQuery;
        await browser.SignInAsync(Platform.Bootstrap.Email, Platform.Bootstrap.Password);
        using var page = await browser.GetAsync(path);
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK), browser.Text);
        using var allowed = await browser.PostAsync("/oauth/authorize", fields: [("decision", "allow"), ("chosen_organization", "*")]);
        Assert.That(allowed.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), browser.Text);
        var tokens = await StepAsync(
            "redeem", Cli, ("redirect_uri", Redirect), ("callback", allowed.Headers.Location!.OriginalString),
            ("state", (string)begun["state"]!), ("verifier", (string)begun["verifier"]!));
        var access = Token(tokens, "access_token");
        Assert.That(await MeAsync(access), Is.EqualTo(HttpStatusCode.OK));

        var refreshed = await StepAsync("refresh", Cli, ("refresh_token", Token(tokens, "refresh_token")));
        var newer = Token(refreshed, "access_token");
        Assert.That(await MeAsync(newer), Is.EqualTo(HttpStatusCode.OK));
        await StepAsync("revoke", Cli, ("token", Token(refreshed, "refresh_token")));

        // 4: the gateway had remembered both.
        foreach (var token in new[] { access, newer })
        {
            await Eventually.BecomesTrueAsync(
                async () => await MeAsync(token) == HttpStatusCode.Unauthorized, "the gateway to forget the token");
        }

        var ended = await StepAsync("refresh", Cli, ("refresh_token", Token(refreshed, "refresh_token")));
        Assert.That((string?)ended["error"], Is.EqualTo("invalid_grant"));
    }

    [Test]
    public async Task The_client_signs_somebody_in_by_a_code_of_a_device()
    {
        var device = await StepAsync("device", Cli);
        var pending = await StepAsync("poll", Cli, ("device_code", (string)device["device_code"]!));
        Assert.That((string?)pending["error"], Is.EqualTo("authorization_pending"));
        using var browser = Browser();
        await browser.SignInAsync(Platform.Bootstrap.Email, Platform.Bootstrap.Password);
        using var page = await browser.GetAsync(new Uri((string)device["verification_uri"]!).PathAndQuery);
        using var found = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
        Assert.That(browser.Text, Does.Contain("bench-4"));
        using var allowed = await browser.PostAsync("/device/decision", fields: [("decision", "allow"), ("chosen_organization", "*")]);
        Assert.That(allowed.Headers.Location?.OriginalString, Is.EqualTo("/device/done"), browser.Text);
        var tokens = await StepAsync("poll", Cli, ("device_code", (string)device["device_code"]!));
        Assert.That(await MeAsync(Token(tokens, "access_token")), Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task The_client_signs_a_service_account_in(bool basic)
    {
        using var administrator = Platform.Administrator();
        var account = await administrator.PostAsync(
            $"/api/v1/orgs/{Platform.Bootstrap.Organization}/service-accounts",
            new { name = $"client {Guid.CreateVersion7():N}", role = "auditor" });
        var tokens = await StepAsync(
            "credentials", account.GetProperty("client_id").GetString()!,
            ("client_secret", account.GetProperty("client_secret").GetString()!), ("basic", basic));
        Assert.That(await MeAsync(Token(tokens, "access_token")), Is.EqualTo(HttpStatusCode.OK));
    }

    private static async Task<JsonObject> StepAsync(string step, string client, params (string Name, JsonNode Value)[] more)
    {
        var asked = new JsonObject { ["step"] = step, ["issuer"] = Platform.Bootstrap.Url, ["client_id"] = client };
        foreach (var (name, value) in more)
        {
            asked[name] = value;
        }

        return JsonNode.Parse(await Script.RunAsync(asked.ToJsonString()))!.AsObject();
    }

    private static string Token(JsonObject tokens, string name)
    {
        Assert.That(tokens.ContainsKey(name), Is.True, tokens.ToJsonString());
        return (string)tokens[name]!;
    }

    private static async Task<HttpStatusCode> MeAsync(string token)
    {
        using var api = Platform.Client(token);
        using var answer = await api.Http.GetAsync(new Uri("/api/v1/me", UriKind.Relative));
        return answer.StatusCode;
    }

    private static PageBrowser Browser() =>
        new(new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Platform.Address });
}
