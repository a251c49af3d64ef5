using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

using Microsoft.AspNetCore.WebUtilities;

namespace EnvPlatform.Identity.Tests.OAuth;

/// <summary>A program that signs people in, and the browser in which they do.</summary>
internal sealed class OAuthFlow(IdentityHost host)
{
    public const string Cli = "envplatform-cli";
    public const string Redirect = "http://127.0.0.1:49321/";
    public const string DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

    /// <summary>Of every authorization request.</summary>
    public const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-0123";

    public static string Challenge => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)));

    public HttpClient Nobody { get; } = host.Service.AsForwarded();

    /// <summary>A browser in which somebody is signed in.</summary>
    public async Task<PageBrowser> BrowserAsync(string email, string password = IdentityHost.Password, string address = "192.0.2.7")
    {
        var browser = new PageBrowser(host.Service.AsForwarded(address));
        await browser.SignInAsync(email, password);
        return browser;
    }

    public Task<PageBrowser> AdministratorAsync() =>
        BrowserAsync((string)host.Bootstrap["email"]!, (string)host.Bootstrap["password"]!);

    /// <summary>The path of an authorization request of the command line; a null value leaves a parameter out.</summary>
    public static string Authorize(params (string Name, string? Value)[] changes)
    {
        var query = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["client_id"] = Cli,
            ["response_type"] = "code",
            ["redirect_uri"] = Redirect,
            ["scope"] = "offline_access environments:read environments:log",
            ["state"] = "xyz",
            ["code_challenge"] = Challenge,
            ["code_challenge_method"] = "S256",
        };
        foreach (var (name, value) in changes)
        {
            query[name] = value;
        }

        return QueryHelpers.AddQueryString("/oauth/authorize", query.Where(pair => pair.Value is not null));
    }

    /// <summary>What the program is led back with when the person decides; the whole address and its parameters.</summary>
    public static async Task<Dictionary<string, string>> DecideAsync(
        PageBrowser browser, string path, string decision = "allow", string organization = "*")
    {
        using var page = await browser.GetAsync(path);
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK), browser.Text);
        using var answer = await browser.PostAsync(
            "/oauth/authorize", fields: [("decision", decision), ("chosen_organization", organization)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), browser.Text);
        var back = answer.Headers.Location!.OriginalString;
        var answered = QueryHelpers.ParseQuery(new Uri(back).Query).ToDictionary(pair => pair.Key, pair => pair.Value.ToString());
        answered[""] = back;
        return answered;
    }

    public static async Task<string> CodeAsync(
        PageBrowser browser, string organization = "*", params (string Name, string? Value)[] changes) =>
        (await DecideAsync(browser, Authorize(changes), organization: organization))["code"];

    public async Task<HttpResponseMessage> PostAsync(string path, params (string Name, string Value)[] form)
    {
        using var content = new FormUrlEncodedContent(form.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return await Nobody.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    public Task<HttpResponseMessage> RedeemAsync(string code, string verifier = Verifier, string redirect = Redirect) => PostAsync(
        "/oauth/token", ("grant_type", "authorization_code"), ("client_id", Cli), ("code", code), ("redirect_uri", redirect),
        ("code_verifier", verifier));

    public Task<HttpResponseMessage> RefreshAsync(string token) =>
        PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("client_id", Cli), ("refresh_token", token));

    /// <summary>The tokens of a sign-in by code.</summary>
    public async Task<(string Access, string Refresh)> SignInAsync(PageBrowser browser, string organization = "*")
    {
        using var answer = await RedeemAsync(await CodeAsync(browser, organization));
        return await TokensAsync(answer);
    }

    public static async Task<(string Access, string Refresh)> TokensAsync(HttpResponseMessage answer)
    {
        var body = await answer.JsonAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body.ToJsonString());
        return ((string)body["access_token"]!, (string)body["refresh_token"]!);
    }

    public static async Task RefusedAsync(HttpResponseMessage answer, string error)
    {
        var body = await answer.JsonAsync();
        Assert.That((string?)body["error"], Is.EqualTo(error), body.ToJsonString());
        Assert.That(answer.StatusCode, Is.EqualTo(error == "invalid_client" ? HttpStatusCode.Unauthorized : HttpStatusCode.BadRequest));
        Assert.That(body.ContainsKey("error_uri"), Is.False);
    }

    /// <summary>A device asks for a code.</summary>
    public async Task<JsonObject> DeviceAsync(params (string Name, string Value)[] more)
    {
        using var answer = await PostAsync(
            "/oauth/device", [("client_id", Cli), ("scope", "offline_access environments:log"), .. more]);
        var body = await answer.JsonAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body.ToJsonString());
        return body;
    }

    public Task<HttpResponseMessage> PollAsync(JsonObject device) => PostAsync(
        "/oauth/token", ("grant_type", DeviceGrant), ("client_id", Cli), ("device_code", (string)device["device_code"]!));

    /// <summary>Types the code in, and decides.</summary>
    public static async Task<HttpResponseMessage> DecideDeviceAsync(
        PageBrowser browser, JsonObject device, string decision = "allow", string organization = "*")
    {
        using var page = await browser.GetAsync("/device");
        using var found = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
        Assert.That(found.StatusCode, Is.EqualTo(HttpStatusCode.OK), browser.Text);
        return await browser.PostAsync("/device/decision", fields: [("decision", decision), ("chosen_organization", organization)]);
    }
}
