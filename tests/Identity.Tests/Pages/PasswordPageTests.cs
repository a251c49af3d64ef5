using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests.Pages;

/// <summary>Passwords: which are taken, how they change, and what asks for a fresh one.</summary>
[TestFixture]
public sealed class PasswordPageTests
{
    private const string Next = "seven quiet lanterns over water";
    private IdentityHost _host = null!;
    private string _org = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _org = await _host.CreateOrganizationAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    // 6
    [TestCase("eleven char")]
    [TestCase("password12345")]
    [TestCase("P@ssw0rd2024!!")]
    [TestCase("Summer2024!!!!")]
    [TestCase("qwertyuiop123")]
    [TestCase("1qaz2wsx3edc")]
    [TestCase("123456789012")]
    [TestCase("abcdefghijkl")]
    [TestCase("aaaaaaaaaaaab")]
    [TestCase("abc123abc123")]
    [TestCase("monkeymonkey")]
    [TestCase("monkeydragon7")]
    [TestCase("welcome2024welcome")]
    [TestCase("iloveyou.1234")]
    [TestCase("administrator1")]
    [TestCase("trustno1trustno1")]
    [TestCase("ada.lovelace12")]
    [TestCase("Lovelace-Ada99")]
    [TestCase("ExampleScience1")]
    public void A_password_that_is_tried_first_is_not_taken(string password) =>
        Assert.That(PasswordRules.Refuse(password, "Ada Lovelace", "ada.lovelace@example.org", "Science"), Is.Not.Null);

    [TestCase(IdentityHost.Password)]
    [TestCase(Next)]
    [TestCase("a password of a test")]
    [TestCase("x7K!p2Qz9w#L4")]
    [TestCase("Xk29fjwqpoal")]
    [TestCase("TrainGiraffe9Window")]
    [TestCase("ein Pferd frißt Gurkensalat")]
    [TestCase("密码密码很长的句子啊真的很长")]
    public void Any_other_of_twelve_characters_is(string password) =>
        Assert.That(PasswordRules.Refuse(password, "Ada Lovelace", "ada.lovelace@example.org", "Science"), Is.Null);

    [Test]
    public void A_thousand_characters_are_taken_and_no_more()
    {
        var words = string.Concat(Enumerable.Range(0, 400).Select(i => $"{i}w"));
        Assert.That(PasswordRules.Refuse(words[..1_000]), Is.Null);
        Assert.That(PasswordRules.Refuse(words[..1_001]), Is.Not.Null);
    }

    [Test]
    public async Task Every_place_that_takes_a_password_asks_the_same_rules()
    {
        var token = await _host.InviteAsync(_org, "member", "rules@example.org");
        using var nobody = _host.Service.AsForwarded();
        using var refused = await nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token, password = "Password123456" });
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await refused.JsonAsync())["errors"]!["password"], Is.Not.Null);
        using var browser = await AsNewMemberAsync("rules-page@example.org");
        using var form = await browser.GetAsync("/password");
        using var answer = await browser.PostAsync(
            "/password", fields: [("current", IdentityHost.Password), ("password", "Password123456")]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(browser.Text, Does.Contain("tried first"));
        await _host.SignInAsync("rules-page@example.org");
    }

    [Test]
    public async Task A_changed_password_ends_all_other_sessions_and_changes_the_id_of_this_one()
    {
        // 4
        const string email = "changes@example.org";
        using var browser = await AsNewMemberAsync(email);
        using var elsewhere = Browser();
        await elsewhere.SignInAsync(email, IdentityHost.Password);
        var program = await _host.SignInAsync(email);
        var before = browser.Cookies[SessionCookie.Name];
        using var form = await browser.GetAsync("/password");
        using var answer = await browser.PostAsync("/password", fields: [("current", IdentityHost.Password), ("password", Next)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), browser.Text);
        using var account = await browser.GetAsync("/account");
        Assert.That(account.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        foreach (var ended in new[] { before, elsewhere.Cookies[SessionCookie.Name], program })
        {
            Assert.That((await _host.IntrospectAsync(ended)).Active, Is.False);
        }

        await _host.SignInAsync(email, Next);
        using var nobody = _host.Service.AsForwarded();
        using var old = await nobody.PostAsJsonAsync("/api/v1/sign-in", new { email, password = IdentityHost.Password });
        Assert.That(old.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        var told = (await _host.AuditAsync("password_changed")).Single(e => (string?)e["target"]!["email"] == email);
        Assert.That((int)told["meta"]!["sessions_ended"]!, Is.EqualTo(2));
        Assert.That(told.ToJsonString(), Does.Not.Contain(Next).And.Not.Contain(IdentityHost.Password));
    }

    [Test]
    public async Task Who_does_not_know_the_password_changes_none_and_its_tries_are_counted()
    {
        // 6
        const string email = "stolen@example.org";
        using var browser = await AsNewMemberAsync(email);
        using var form = await browser.GetAsync("/password");
        using var answer = await browser.PostAsync("/password", fields: [("current", "wrong"), ("password", Next)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(browser.Html, Does.Not.Contain(Next));
        await _host.SignInAsync(email);
        var failures = await _host.Db.QuerySingleAsync<int>(
            "select failures from failed_sign_ins where key = @Key", new { Key = $"account {email}" }, CancellationToken.None);
        Assert.That(failures, Is.EqualTo(1));
    }

    [Test]
    public async Task Appointing_an_administrator_asks_for_a_password_of_the_last_ten_minutes()
    {
        // 5
        const string email = "appoints@example.org";
        await _host.AddMemberAsync(_org, "administrator", email);
        var other = await _host.AddMemberAsync(_org, "member");
        var path = $"/api/v1/orgs/{_org}/members/{(await _host.IntrospectAsync(other)).SubjectId}";
        var session = await _host.SignInAsync(email);
        using var client = await _host.AsBearerOfAsync(session);
        await _host.ExecuteAsync("update tokens set authenticated_at = authenticated_at - interval '11 minutes' where kind = 'session'");
        using var late = await client.PatchAsJsonAsync(path, new { role = "administrator" });
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((string?)(await late.JsonAsync())["code"], Is.EqualTo("step_up_required"));
        using var lesser = await client.PatchAsJsonAsync(path, new { role = "auditor" });
        Assert.That(lesser.StatusCode, Is.EqualTo(HttpStatusCode.OK), "Another role asks for nothing.");
        using var account = await client.PostAsJsonAsync(
            $"/api/v1/orgs/{_org}/service-accounts", new { name = "late", role = "administrator" });
        Assert.That((string?)(await account.JsonAsync())["code"], Is.EqualTo("step_up_required"));

        // A token that the session made cannot show a password.
        using var made = await client.PostAsJsonAsync(
            $"/api/v1/orgs/{_org}/tokens", new { name = "script", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        using var script = await _host.AsBearerOfAsync((string)(await made.JsonAsync())["token"]!);
        using var byToken = await script.PatchAsJsonAsync(path, new { role = "administrator" });
        Assert.That((string?)(await byToken.JsonAsync())["code"], Is.EqualTo("step_up_required"));

        // The page gives the session of a browser ten minutes more, and another secret.
        using var browser = Browser();
        await browser.SignInAsync(email, IdentityHost.Password);
        await _host.ExecuteAsync("update tokens set authenticated_at = authenticated_at - interval '11 minutes' where kind = 'session'");
        var before = browser.Cookies[SessionCookie.Name];
        using var form = await browser.GetAsync("/confirm?return_to=%2Faccount");
        using var wrong = await browser.PostAsync("/confirm", fields: [("password", "wrong")]);
        Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var answer = await browser.PostAsync("/confirm", fields: [("password", IdentityHost.Password)]);
        Assert.That(answer.Headers.Location?.OriginalString, Is.EqualTo("/account"));
        Assert.That((await _host.IntrospectAsync(before)).Active, Is.False);
        using var fresh = await _host.AsBearerOfAsync(browser.Cookies[SessionCookie.Name]);
        using var appointed = await fresh.PatchAsJsonAsync(path, new { role = "administrator" });
        Assert.That(appointed.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var down = await client.PatchAsJsonAsync(
            $"/api/v1/orgs/{_org}/members/{(await _host.IntrospectAsync(session)).SubjectId}", new { role = "member" });
        Assert.That((string?)(await down.JsonAsync())["code"], Is.EqualTo("step_up_required"), "one's own role down");
    }

    private async Task<PageBrowser> AsNewMemberAsync(string email)
    {
        await _host.AddMemberAsync(_org, "member", email);
        var browser = Browser();
        await browser.SignInAsync(email, IdentityHost.Password);
        return browser;
    }

    private PageBrowser Browser() => new(_host.Service.AsForwarded());
}
