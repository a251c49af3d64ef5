using System.Text.RegularExpressions;

using EnvPlatform.Testing;

using Microsoft.Playwright;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// A member types <c>envplatform login</c> and signs in with a real browser: on the machine itself, or on another device by a code. Then
/// the machine is registered and logs, the sign-in renews itself, and signing out ends it everywhere.
/// </summary>
public sealed partial class SignInStoryTests
{
    private const string Password = "seven quiet lanterns over water";
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = Chromium.Find(), Args = ["--no-sandbox", "--disable-gpu"] });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    [Test]
    public async Task A_code_on_another_device_signs_a_machine_in()
    {
        var platform = SharedPlatform.Platform;
        var email = await MemberAsync(platform);
        using var agent = new AgentProcess();
        var code = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = agent.RunAsync(
            line =>
            {
                if (Code().Match(line) is { Success: true } match)
                {
                    code.TrySetResult(match.Value);
                }
            },
            ["login", "--device", "--url", platform.Bootstrap.Url, "--no-install"]);
        await Task.WhenAny(code.Task, running);
        Assert.That(code.Task.IsCompleted, Is.True, running.IsCompleted ? (await running).Error : "no code");

        await using var context = await _browser.NewContextAsync();
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(120_000);
        await page.GotoAsync($"{platform.Bootstrap.Url}/device");
        await SignInAsync(page, email);
        await page.GetByLabel("Code").FillAsync(await code.Task);
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await Assertions.Expect(page.GetByText("Only if you started this on your own machine.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Let it in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("The device is let in");
        var run = await running;
        Assert.That(run.ExitCode, Is.Zero, run.Output + run.Error);
        await IsSignedInAsync(agent, platform);
    }

    [Test]
    public async Task A_browser_on_the_machine_signs_it_in()
    {
        var platform = SharedPlatform.Platform;
        var email = await MemberAsync(platform);
        using var agent = new AgentProcess();
        var (opened, program) = (Path.Combine(agent.Home, "address"), Path.Combine(agent.Home, "browser"));
        await File.WriteAllTextAsync(program, $"#!/bin/sh\nprintf '%s' \"$1\" > '{opened}.part' && mv '{opened}.part' '{opened}'\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var running = agent.RunAsync(["login", "--url", platform.Bootstrap.Url, "--no-install"], ("BROWSER", program));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(File.Exists(opened) || running.IsCompleted), "the browser is opened", seconds: 60);
        Assert.That(running.IsCompleted, Is.False, running.IsCompleted ? (await running).Error : "");

        await using var context = await _browser.NewContextAsync();
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(120_000);
        await page.GotoAsync(await File.ReadAllTextAsync(opened));
        await SignInAsync(page, email);
        await page.GetByRole(AriaRole.Button, new() { Name = "Let it act for me" }).ClickAsync();
        var run = await running;
        Assert.That(run.ExitCode, Is.Zero, run.Output + run.Error);
        await IsSignedInAsync(agent, platform);
    }

    /// <summary>The sign-in is good for what a member does, and ends at the platform when the member signs out.</summary>
    private static async Task IsSignedInAsync(AgentProcess agent, Platform platform)
    {
        var prefix = Path.Combine(agent.Home, "env");
        Directory.CreateDirectory(Path.Combine(prefix, "conda-meta"));
        await File.WriteAllTextAsync(Path.Combine(prefix, "conda-meta", "history"), "");
        await File.WriteAllTextAsync(
            Path.Combine(prefix, "conda-meta", "zlib-1.2.13-h166bdaf_4.json"),
            """{"name":"zlib","version":"1.2.13","build":"h166bdaf_4","channel":"conda-forge","subdir":"linux-64","depends":[]}""");
        foreach (var command in new string[][] { ["log", "--prefix", prefix], ["env", "list"], ["organization", "show"], ["status"] })
        {
            var run = await agent.RunAsync(command);
            Assert.That(run.ExitCode, Is.Zero, $"{string.Join(' ', command)}: {run.Output}{run.Error}");
        }

        var logout = await agent.RunAsync("logout");
        Assert.That(logout.ExitCode, Is.Zero, logout.Output + logout.Error);
        var after = await agent.RunAsync("env", "list", "--limit", "1");
        Assert.That(after.ExitCode, Is.EqualTo(2), after.Output);
        Assert.That(platform.Address, Is.Not.Null);
    }

    private static async Task SignInAsync(IPage page, string email)
    {
        await page.GetByLabel("E-mail address").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    private static async Task<string> MemberAsync(Platform platform)
    {
        var organization = await Organization.CreateAsync(platform);
        using var operatorApi = platform.Administrator();
        var email = $"member-{Guid.CreateVersion7():N}@example.org";
        var invited = await operatorApi.PostAsync(
            $"{organization.Path}/members", new { email, display_name = "Mia Member", role = "member" });
        using var nobody = platform.Client(null);
        await nobody.PostAsync(
            "/api/v1/invitations/accept", new { token = invited.GetProperty("token").GetString(), password = Password });
        return email;
    }

    [GeneratedRegex("\\b[A-Z]{4}-[A-Z]{4}\\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Code();
}
