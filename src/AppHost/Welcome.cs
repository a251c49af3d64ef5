using System.Text.Json;

using EnvPlatform.LocalServers;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.AppHost;

/// <summary>Prints, once everything is ready, the platform's address, how to sign in and what to type next.</summary>
internal sealed class Welcome(
    ResourceNotificationService resources, StartOutcome outcome, AppHostOptions options, bool isFirst, IConfiguration configuration)
    : BackgroundService
{
    private sealed record Bootstrap(string Url, string Organization, string Email, string Password, string Token);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await resources.WaitForResourceHealthyAsync("gateway", WaitBehavior.WaitOnResourceUnavailable, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        outcome.Ready();
        await using var file = File.OpenRead(options.BootstrapFile);
        var bootstrap = (await JsonSerializer.DeserializeAsync<Bootstrap>(file, JsonSerializerOptions.Web, stoppingToken))!;
        var url = options.PublicUrl;

        // The start that wrote the file shows its content; later ones only name the file.
        var secrets = isFirst ? $", password {bootstrap.Password}" : "";
        Console.WriteLine($"""

            EnvPlatform is ready.
              Address        {url}
              Sign-in page   {url}/sign-in
              Administrator  {bootstrap.Email}{secrets}, organization {bootstrap.Organization}
              Sign-in        password and token are in {options.BootstrapFile}
            {Dashboard()}  Next           {Next(url)}

            """);
    }

    private string Dashboard() =>
        options.Dashboard && configuration["ASPNETCORE_URLS"] is { Length: > 0 } address
            ? $"  Dashboard      {address}/login?t={configuration["AppHost:BrowserToken"]}{Environment.NewLine}" : "";

    private string Next(string url) =>
        $$"""sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' {{options.BootstrapFile}} | artifacts/agent/envplatform login --url {{url}} --token -""";
}
