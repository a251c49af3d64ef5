using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.AppHost;

/// <summary>Says, once everything is ready, where the platform is, who administrates it and what to type next.</summary>
internal sealed class Welcome(ResourceNotificationService resources, string bootstrapFile) : BackgroundService
{
    private sealed record Bootstrap(string Url, string Organization, string Email, string Password, string Token);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await resources.WaitForResourceHealthyAsync("gateway", stoppingToken);
        }
        catch (DistributedApplicationException)
        {
            return; // The application itself tells what failed.
        }

        await using var file = File.OpenRead(bootstrapFile);
        var bootstrap = (await JsonSerializer.DeserializeAsync<Bootstrap>(file, JsonSerializerOptions.Web, stoppingToken))!;
        var url = resources.TryGetCurrentState("gateway", out var gateway) ? gateway.Snapshot.Urls[0].Url : bootstrap.Url;
        Console.WriteLine($"""

            EnvPlatform is ready.
              Address        {url}
              Administrator  {bootstrap.Email}, password {bootstrap.Password}, organization {bootstrap.Organization}
              Next           artifacts/agent/envplatform login --url {url} --token {bootstrap.Token}

            """);
    }
}
