using System.Net.Http.Json;

using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.Playwright;

namespace EnvPlatform.Gateway.Tests;

/// <summary>
/// Signing in and answering invitations in a real browser, through the gateway. Each page is looked at by axe, light and
/// dark, narrow and wide. The pictures are kept in the folder of the test results.
/// </summary>
[TestFixture]
public sealed class PageJourneyTests
{
    private const string Password = "correct horse battery staple";
    private static readonly string[] Standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

    private Platform _platform = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var chromium = Chromium.Find();
        _platform = await Platform.StartAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = chromium, Args = ["--no-sandbox", "--disable-gpu"] });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        if (_platform is not null)
        {
            await _platform.DisposeAsync();
        }
    }

    [Test]
    public async Task Somebody_signs_in_after_a_wrong_password_changes_it_and_signs_out()
    {
        const string email = "ada@example.org";
        await JoinAsync(email);
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        await GoAsync(page, "/");
        await LookAsync(page, "sign-in");
        await page.GetByLabel("E-mail address").FillAsync(email);
        await page.GetByLabel("Password").FillAsync("wrong");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Sign-in failed");
        await Assertions.Expect(page.GetByLabel("Password")).ToBeFocusedAsync();
        await LookAsync(page, "sign-in-wrong");
        await page.GetByLabel("Password").FillAsync(Password);
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Your account");
        var cookie = (await context.CookiesAsync()).Single(cookie => cookie.Name == SessionCookie.Name);
        Assert.That((cookie.HttpOnly, cookie.Secure, cookie.SameSite), Is.EqualTo((true, true, SameSiteAttribute.Lax)));
        await LookAsync(page, "account");

        await page.GetByRole(AriaRole.Link, new() { Name = "Change password" }).ClickAsync();
        await page.GetByLabel("Password until now").FillAsync(Password);
        await page.GetByLabel("New password").FillAsync("Password123456");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change password" }).ClickAsync();
        await Assertions.Expect(page.GetByText("tried first")).ToBeVisibleAsync();
        await LookAsync(page, "password-refused");
        await page.GetByLabel("Password until now").FillAsync(Password);
        await page.GetByLabel("New password").FillAsync("seven quiet lanterns over water");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change password" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("was changed");
        await LookAsync(page, "password-changed");

        await GoAsync(page, "/confirm?return_to=%2Faccount");
        await LookAsync(page, "confirm");
        await page.GetByRole(AriaRole.Link, new() { Name = "Sign out" }).ClickAsync();
        await LookAsync(page, "sign-out");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("signed out");
        await LookAsync(page, "signed-out");
        await GoAsync(page, "/account");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Sign in");
    }

    [Test]
    public async Task A_new_person_opens_an_invitation_and_joins()
    {
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        await GoAsync(page, $"/invitations/{await InviteAsync("new@example.org")}");
        Assert.That(new Uri(page.Url).AbsolutePath, Is.EqualTo("/invitations"));
        await LookAsync(page, "invitation");
        await page.GetByLabel("Your name").FillAsync("Nina New");
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the account" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("member now");
        await LookAsync(page, "invitation-accepted");
        await page.GetByRole(AriaRole.Link, new() { Name = "To your account" }).ClickAsync();
        await Assertions.Expect(page.GetByText("new@example.org")).ToBeVisibleAsync();
    }

    [Test]
    public async Task Somebody_with_an_account_signs_in_to_answer_after_it_tried_with_another()
    {
        await JoinAsync("other@example.org");
        await JoinAsync("has@example.org");
        var organization = await CreateOrganizationAsync();
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        await GoAsync(page, "/sign-in");
        await SignInAsync(page, "other@example.org");
        await GoAsync(page, $"/invitations/{await InviteAsync("has@example.org", organization)}");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("use the other account");
        await LookAsync(page, "invitation-of-another");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Sign in and answer" }).ClickAsync();
        await SignInAsync(page, "has@example.org");
        await LookAsync(page, "invitation-of-this");
        await page.GetByRole(AriaRole.Button, new() { Name = "Accept" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("member now");
    }

    [Test]
    public async Task An_invitation_is_declined_and_one_that_has_expired_says_so()
    {
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        await GoAsync(page, $"/invitations/{await InviteAsync("declines@example.org")}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Decline" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("You declined");
        await LookAsync(page, "invitation-declined");
        var expired = await InviteAsync("expired@example.org");
        await _platform.ExecuteAsync("update invitations set expires_at = now() where email = 'expired@example.org'");
        await GoAsync(page, $"/invitations/{expired}");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("The invitation has expired");
        await LookAsync(page, "invitation-expired");
    }

    private static async Task SignInAsync(IPage page, string email)
    {
        await page.GetByLabel("E-mail address").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    /// <summary>No violation, light and dark, at 320 and at 1280 pixels, and nothing to be scrolled sideways.</summary>
    private static async Task LookAsync(IPage page, string name)
    {
        var folder = Path.Combine(new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.FullName, "screenshots");
        Directory.CreateDirectory(folder);
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            foreach (var width in new[] { 320, 1_280 })
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.SetViewportSizeAsync(width, 800);
                var look = $"{name}-{scheme}-{width}".ToLowerInvariant();
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"page-{look}.png"), FullPage = true });
                var result = await page.RunAxe(new AxeRunOptions
                {
                    RunOnly = new() { Type = "tag", Values = [.. Standards] },
                    Rules = new Dictionary<string, RuleOptions> { ["target-size"] = new() { Enabled = true } },
                });
                Assert.That(
                    result.Violations.Select(violation => $"{look}: {violation.Id} {violation.Nodes[0].Html}"), Is.Empty,
                    ViolationsOf(result));
                Assert.That(
                    await page.EvaluateAsync<int>("document.documentElement.scrollWidth"), Is.LessThanOrEqualTo(width), $"{look} scrolls");
            }
        }

        static string ViolationsOf(AxeResult result) => string.Join("\n", result.Violations.Select(violation => violation.Help));
    }

    private Task<IBrowserContext> ContextAsync() => _browser.NewContextAsync(new() { BaseURL = _platform.Gateway.Address.ToString() });

    private static async Task GoAsync(IPage page, string path)
    {
        page.SetDefaultTimeout(120_000);
        await page.GotoAsync(path);
    }

    private async Task<string> CreateOrganizationAsync()
    {
        using var owner = _platform.AsOperator();
        using var created = await owner.PostAsJsonAsync("/api/v1/orgs", new { slug = "science", name = "Science" });
        created.EnsureSuccessStatusCode();
        return "science";
    }

    private async Task<string> InviteAsync(string email, string organization = "default")
    {
        using var owner = _platform.AsOperator();
        using var invited = await owner.PostAsJsonAsync(
            $"/api/v1/orgs/{organization}/members", new { email, display_name = "Ada Lovelace", role = "member" });
        invited.EnsureSuccessStatusCode();
        return (string)(await invited.JsonAsync())["token"]!;
    }

    private async Task JoinAsync(string email)
    {
        using var nobody = _platform.With(null);
        using var joined = await nobody.PostAsJsonAsync(
            "/api/v1/invitations/accept", new { token = await InviteAsync(email), password = Password });
        joined.EnsureSuccessStatusCode();
    }
}
