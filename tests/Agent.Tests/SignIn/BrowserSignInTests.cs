using Microsoft.AspNetCore.WebUtilities;

namespace EnvPlatform.Agent.Tests.SignIn;

[Platform(Exclude = "Win", Reason = "The browser of these tests is a script.")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class BrowserSignInTests : SignInFixture
{
    [Test]
    public async Task The_browser_signs_in_and_the_organization_is_chosen_and_the_machine_registered()
    {
        HaveBrowser();
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        var asked = QueryHelpers.ParseQuery(Platform.To("GET /oauth/authorize").Single().Query);
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Is.EqualTo($"Signed in to {Platform.Url} as ada@example.org, organization acme.\n"));
            Assert.That(asked["redirect_uri"].ToString(), Does.Match(@"^http://127\.0\.0\.1:\d+/$"));
            Assert.That(asked["scope"].ToString().Split(' '), Does.Contain("offline_access").And.Contains("environments:log"));
            Assert.That(asked["state"].ToString(), Has.Length.EqualTo(43));
            Assert.That(Server.Grants("authorization_code").Single()["code_verifier"], Has.Length.EqualTo(43));
            Assert.That(Platform.To($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001"), Has.Length.EqualTo(1));
            Assert.That(ended.Error, Does.Contain("Acme requires environment management").And.Contains(CredentialsFile));
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Not.Contain("access-").And.Not.Contain("refresh-"));
            Assert.That(File.GetUnixFileMode(CredentialsFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
            Assert.That(
                File.ReadAllText(Path.Combine(Machine.Home, "page.html")),
                Does.Contain("can be closed").And.Not.Contain("<script").And.Not.Contain("code-"));
        });

        Platform.On($"GET {Orgs}/environments", 200, """{"items": [], "total_count": 0}""");
        Assert.That((await Machine.RunAsync("env", "list")).ExitCode, Is.Zero);
        Assert.That(Platform.To($"GET {Orgs}/environments").Single().Headers["Authorization"], Does.StartWith("Bearer access-"));
    }

    [TestCase("code=stolen&state={state}&iss=https%3A%2F%2Fevil.example.org", "not of this platform")]
    [TestCase("code=stolen&state={state}", "not of this platform")]
    public async Task An_answer_of_another_issuer_is_not_exchanged(string answer, string said)
    {
        HaveBrowser();
        Server.AuthorizeAnswer = answer;
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error), Is.EqualTo((2, ended.Error)));
        Assert.That(ended.Error, Does.Contain(said));
        Assert.That(Server.Grants("authorization_code"), Is.Empty);
    }

    [Test]
    public async Task Requests_without_the_state_or_by_another_name_of_the_machine_are_not_the_answer()
    {
        // A page elsewhere in the browser tries first; then the user signs in.
        HaveBrowser("""
            port=$(printf %s "$1" | sed 's/.*127.0.0.1%3A\([0-9]*\).*/\1/')
            state=$(printf %s "$1" | sed 's/.*[?&]state=\([^&]*\).*/\1/')
            {
              curl --silent --output /dev/null --write-out '%{http_code} ' "http://127.0.0.1:$port/?code=forged&state=guessed"
              curl --silent --output /dev/null --write-out '%{http_code} ' -H 'Host: evil.example.org' "http://127.0.0.1:$port/?code=forged&state=$state"
              curl --silent --output /dev/null --write-out '%{http_code} ' "http://127.0.0.1:$port/?code=forged&code=again&state=$state"
              curl --silent --output /dev/null --write-out '%{http_code} ' -X POST "http://127.0.0.1:$port/?code=forged&state=$state"
              curl --silent --output /dev/null --write-out '%{http_code} ' "http://127.0.0.1:$port/favicon.ico"
            } > "$(dirname "$0")/statuses"
            curl --silent --location --output /dev/null "$1"
            """);
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(File.ReadAllText(Path.Combine(Machine.Home, "statuses")), Is.EqualTo("404 404 404 404 404 "));
            Assert.That(Server.Grants("authorization_code").Select(form => form["code"]), Has.None.EqualTo("forged"));
        });
    }

    [Test]
    public async Task A_sign_in_that_is_declined_in_the_browser_is_said()
    {
        HaveBrowser();
        Server.AuthorizeAnswer = "error=access_denied&state={state}&iss=" + Uri.EscapeDataString(Server.Issuer);
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error.Contains("declined", StringComparison.Ordinal)), Is.EqualTo((2, true)), ended.Error);
        Assert.That(File.Exists(CredentialsFile), Is.False);
    }

    [Test]
    public async Task Where_no_browser_can_be_opened_a_code_is_shown_instead()
    {
        HaveBrowser("exit 3");
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error.Contains("BCDF-GHJK", StringComparison.Ordinal)), Is.EqualTo((0, true)), ended.Error);
    }

    [Test]
    public async Task A_platform_that_calls_itself_otherwise_is_not_signed_in_to()
    {
        Server.Issuer = "https://evil.example.org";
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error.Contains("https://evil.example.org", StringComparison.Ordinal)), Is.EqualTo((2, true)));
        Assert.That(Platform.Requests.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task A_new_sign_in_ends_the_one_before()
    {
        var (access, refresh) = SignedIn();
        HaveBrowser();
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url)).ExitCode, Is.Zero);
        Assert.That(Server.Revoked, Is.EqualTo(new[] { refresh, access }));
    }

    [Test]
    public async Task Another_organization_is_chosen_without_signing_in_again()
    {
        SignedIn();
        Server.Me = """{"email": "ada@example.org", "organizations": [{"slug": "acme"}, {"slug": "umbrella", "environments_enabled": false}]}""";
        var ended = await Machine.RunAsync("login", "--org", "umbrella");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Error, Does.Contain("umbrella does not manage environments yet"));
            Assert.That(
                File.ReadAllText(Machine.SettingsFile),
                Does.Contain("\"organization\":\"umbrella\"").And.Contains("\"kept_in\":\"file\""));
            Assert.That(Platform.To("GET /oauth/authorize"), Is.Empty);
            Assert.That(Server.Revoked, Is.Empty);
        });
    }
}
