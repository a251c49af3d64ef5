using System.Net.Http.Json;
using System.Text.RegularExpressions;

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

    /// <summary>Where the program of the command line waits to be led back to.</summary>
    private const string Program = "http://127.0.0.1:49321/";
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

    [Test]
    public async Task Somebody_lets_a_program_act_for_it_with_the_keyboard_alone()
    {
        await JoinAsync("consents@example.org");
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        var back = new TaskCompletionSource<string>();
        await context.RouteAsync(Program + "**", async route =>
        {
            back.TrySetResult(route.Request.Url);
            await route.FulfillAsync(new() { Body = "back" });
        });
        await GoAsync(page, Authorize("offline_access environments:read environments:log account"));
        await SignInByKeyboardAsync(page, "consents@example.org");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 }))
            .ToHaveTextAsync("Let EnvPlatform command line act for you?");
        await LookAsync(page, "consent");
        await TabToAsync(page, page.GetByLabel("Organization"));
        await page.Keyboard.PressAsync("ArrowDown");
        await TabToAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Refuse" }));
        await page.Keyboard.PressAsync("Shift+Tab");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Let it act for me" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        Assert.That(await back.Task.WaitAsync(TimeSpan.FromMinutes(2)), Does.Contain("code=").And.Contain("iss="));
        await GoAsync(page, Authorize("everything"));
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("cannot be");
        await LookAsync(page, "consent-refused");
    }

    [Test]
    public async Task Somebody_lets_a_device_in_with_the_keyboard_alone()
    {
        await JoinAsync("devices@example.org");
        using var nobody = _platform.With(null);
        var (code, device) = await DeviceAsync();
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        await GoAsync(page, "/device");
        await SignInByKeyboardAsync(page, "devices@example.org");
        await Assertions.Expect(page.GetByLabel("Code")).ToBeFocusedAsync();
        await LookAsync(page, "device-code");
        await page.Keyboard.TypeAsync("BBBB-BBBB");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("That code is wrong");
        await Assertions.Expect(page.GetByLabel("Code")).ToBeFocusedAsync();
        await LookAsync(page, "device-code-wrong");
        await page.Keyboard.TypeAsync(code);
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByText("bench-4")).ToBeVisibleAsync();
        await LookAsync(page, "device");
        await TabToAsync(page, page.GetByLabel("Organization"));
        await TabToAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Let it in" }));
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("/device/done$"));
        await LookAsync(page, "device-done");
        using var answer = await PollAsync(device);
        Assert.That((string?)(await answer.JsonAsync())["access_token"], Is.Not.Null);
        await GoAsync(page, "/account");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Programs that act for you" })).ToBeVisibleAsync();
        await LookAsync(page, "account-with-programs");

        (code, device) = await DeviceAsync();
        await GoAsync(page, "/device");
        await page.Keyboard.TypeAsync(code.ToLowerInvariant());
        await page.Keyboard.PressAsync("Enter");
        await TabToAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Refuse" }));
        await page.Keyboard.PressAsync("Space");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("/device/refused$"));
        await LookAsync(page, "device-refused");
        using var refused = await PollAsync(device);
        Assert.That((string?)(await refused.JsonAsync())["error"], Is.EqualTo("access_denied"));

        await GoAsync(page, "/account");
        var end = page.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^End EnvPlatform command line") });
        await TabToAsync(page, end);
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Programs that act for you" })).ToHaveCountAsync(0);

        async Task<(string Code, string Device)> DeviceAsync()
        {
            using var form = Form(("client_id", "envplatform-cli"), ("scope", "environments:log"), ("hostname", "bench-4"));
            using var started = await nobody.PostAsync(new Uri("/oauth/device", UriKind.Relative), form);
            var body = await started.JsonAsync();
            return ((string)body["user_code"]!, (string)body["device_code"]!);
        }

        async Task<HttpResponseMessage> PollAsync(string deviceCode)
        {
            using var form = Form(
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("client_id", "envplatform-cli"),
                ("device_code", deviceCode));
            return await nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), form);
        }
    }

    [Test]
    public async Task An_error_of_the_gateway_is_a_page_like_the_others()
    {
        await using var context = await ContextAsync();
        var page = await context.NewPageAsync();
        var answer = await page.GotoAsync("/no/such/page");
        Assert.That(answer!.Status, Is.EqualTo(404));
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("There is no such page");
        Assert.That(
            await page.EvaluateAsync<string>("getComputedStyle(document.querySelector('main')).borderTopStyle"), Is.EqualTo("solid"),
            "The policy lets its style in.");
        await LookAsync(page, "not-found");
    }

    private static FormUrlEncodedContent Form(params (string Name, string Value)[] fields) =>
        new(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));

    private static string Authorize(string scope) =>
        $"/oauth/authorize?client_id=envplatform-cli&response_type=code&state=xyz&scope={Uri.EscapeDataString(scope)}"
        + $"&redirect_uri={Uri.EscapeDataString(Program)}&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        + "&code_challenge_method=S256";

    private static async Task SignInByKeyboardAsync(IPage page, string email)
    {
        await Assertions.Expect(page.GetByLabel("E-mail address")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync(email);
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync(Password);
        await page.Keyboard.PressAsync("Enter");
    }

    /// <summary>Goes to something by the Tab key, as whoever has no mouse does, and sees where it is.</summary>
    private static async Task TabToAsync(IPage page, ILocator target)
    {
        await target.WaitForAsync();
        for (var i = 0; i < 40; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await target.EvaluateAsync<bool>("element => element === document.activeElement"))
            {
                Assert.That(await target.EvaluateAsync<string>("element => getComputedStyle(element).outlineStyle"), Is.EqualTo("solid"));
                return;
            }
        }

        Assert.Fail($"The Tab key does not lead to {target}.");
    }

    private static async Task SignInAsync(IPage page, string email)
    {
        await page.GetByLabel("E-mail address").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    /// <summary>
    /// No violation, light and dark, at 320 and at 1280 pixels, and nothing to be scrolled sideways; nor at 200 % zoom, which halves the
    /// pixels, nor with letters of twice the size.
    /// </summary>
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

        await page.SetViewportSizeAsync(640, 400);
        await AssertFitsAsync("zoomed");
        await page.SetViewportSizeAsync(1_280, 800);
        await page.EvaluateAsync("document.documentElement.style.fontSize = '200%'");
        await AssertFitsAsync("with large letters");
        await page.EvaluateAsync("document.documentElement.style.fontSize = ''");

        async Task AssertFitsAsync(string how) => Assert.That(
            await page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth"), Is.Zero,
            $"{name} scrolls {how}");

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
