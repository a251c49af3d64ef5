using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.LocalServers;
using EnvPlatform.Testing;

using Microsoft.Playwright;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>What an operator sees in the Aspire dashboard, in a browser. The pictures are kept in the folder of the test results.</summary>
public sealed partial class DashboardTests
{
    private static readonly string[] Services = ["identity", "ingest", "scanner", "policy", "audit", "gateway"];

    [Test]
    public async Task The_dashboard_shows_every_service_once_and_a_trace_from_the_gateway_to_the_audit_event()
    {
        var folder = Directory.CreateTempSubdirectory("envplatform-dashboard-");
        File.SetUnixFileMode(
            folder.FullName, File.GetUnixFileMode(folder.FullName) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var port = FreePorts.Next();
        try
        {
            using var run = RunProcess.Start(folder.FullName, null, $"--port={port}");
            await run.PrintsAsync("EnvPlatform is ready.");
            await run.PrintsAsync("Dashboard");
            var link = DashboardLink().Match(run.Output).Value;
            var trace = await LogAsync(port, folder.FullName);

            using var playwright = await Playwright.CreateAsync();
            await using var browser = await playwright.Chromium.LaunchAsync(
                new() { ExecutablePath = Chromium.Find(), Args = ["--no-sandbox", "--disable-gpu"] });
            var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1_500, Height = 1_000 } });
            page.SetDefaultTimeout(120_000);
            // On a busy machine the page may break off with "An unhandled error has occurred. Reload": reloaded, as a person would.
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    await page.GotoAsync(link);
                    return await ShowsAsync(page, [.. Services, "postgres", "messaging", "redis"]);
                },
                "every resource is shown", seconds: 240);

            await ShotAsync(page, "resources");

            // The trace of the log; it has a span of every service that took part.
            foreach (var service in new[] { "gateway", "ingest", "scanner", "policy", "audit" })
            {
                await Eventually.BecomesTrueAsync(
                    async () =>
                    {
                        await page.GotoAsync($"{new Uri(link).GetLeftPart(UriPartial.Authority)}/traces/detail/{trace}");
                        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
                        return (await page.ContentAsync()).Contains(service, StringComparison.Ordinal);
                    },
                    $"the trace has a span of {service}", seconds: 60);
            }

            await ShotAsync(page, "trace");
            await page.GotoAsync($"{new Uri(link).GetLeftPart(UriPartial.Authority)}/structuredlogs/resource/scanner");
            await Eventually.BecomesTrueAsync(
                async () => (await page.ContentAsync()).Contains("Application started", StringComparison.Ordinal),
                "structured logs are shown", seconds: 60);
            await ShotAsync(page, "logs");
            run.Signal(RunProcess.Interrupt);
            Assert.That(await run.ExitAsync(), Is.Zero, run.Output);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <returns>The id of the trace.</returns>
    private static async Task<string> LogAsync(int port, string data)
    {
        var bootstrap = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(data, "bootstrap.json"))).RootElement;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bootstrap.GetProperty("token").GetString());
        var machine = Guid.CreateVersion7();
        using var put = await http.PutAsJsonAsync(
            $"/api/v1/orgs/default/machines/{machine}", new { hostname = "dashboard", platform = "linux-64", agent_version = "0.1.0" });
        Assert.That(put.IsSuccessStatusCode, Is.True);
        var environment = new RealEnvironment(
            "seen", "seen", "linux-64", [new("conda", "conda-forge", "linux-64", "openssl", "1.1.1q", "0")]);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/orgs/default/environment-logs")
        {
            Content = JsonContent.Create(environment.ToLog(machine)),
        };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom().ToHexString()}-01");
        using var log = await http.SendAsync(request);
        Assert.That((int)log.StatusCode, Is.EqualTo(201), await log.Content.ReadAsStringAsync());
        return trace;
    }

    private static async Task<bool> ShowsAsync(IPage page, IEnumerable<string> names)
    {
        try
        {
            foreach (var name in names)
            {
                await Assertions.Expect(page.GetByText(name, new() { Exact = true }).First).ToBeVisibleAsync(new() { Timeout = 40_000 });
            }

            return true;
        }
        catch (PlaywrightException)
        {
            return false;
        }
    }

    private static async Task ShotAsync(IPage page, string name)
    {
        var folder = Path.Combine(new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.FullName, "screenshots");
        Directory.CreateDirectory(folder);
        await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"dashboard-{name}.png") });
    }

    [GeneratedRegex("""http://127\.0\.0\.1:\d+/login\?t=\w+""", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex DashboardLink();
}
