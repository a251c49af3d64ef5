using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Addresses;
using EnvPlatform.ServiceDefaults.Background;

using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.Options;

using Polly.Timeout;

using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace EnvPlatform.Gateway.OpenApi;

/// <summary>
/// The OpenAPI document of the whole platform, at <c>/openapi/v1.json</c>: fetched from the services now and then, kept while one of them
/// is unavailable.
/// </summary>
internal sealed partial class MergedOpenApi(
    IProxyStateLookup proxy, IHttpClientFactory clients, IOptions<GatewayOptions> options, TimeProvider clock,
    ILogger<MergedOpenApi> log) : BackgroundService
{
    public const string Path = "/openapi/v1.json";
    public const string HttpClientName = "openapi";
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);
    private static readonly string Version = typeof(MergedOpenApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
        .InformationalVersion.Split('+')[0];

    private readonly Dictionary<string, JsonObject> _documents = new(StringComparer.Ordinal);

    /// <summary>The document in UTF-8; null until the first service has answered.</summary>
    public byte[]? Current { get; private set; }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new RepeatedWork(nameof(MergedOpenApi), clock, log).RunAsync(MergeAsync, stoppingToken);

    private async Task<TimeSpan?> MergeAsync(CancellationToken ct)
    {
        var clusters = proxy.GetClusters().ToArray();
        var answered = await Task.WhenAll(clusters.Select(cluster => FetchAsync(cluster, ct)));
        for (var i = 0; i < clusters.Length; i++)
        {
            if (answered[i] is { } document)
            {
                _documents[clusters[i].ClusterId] = document;
            }
        }

        if (_documents.Count > 0)
        {
            Current = JsonSerializer.SerializeToUtf8Bytes(OpenApiMerge.Merge(_documents, Version, IsAnonymous));
        }

        var isComplete = clusters.Length > 0 && _documents.Count == clusters.Length;
        return isComplete
            ? Pause.Spread(TimeSpan.FromSeconds(options.Value.OpenApiRefreshSeconds), Random.Shared.NextDouble())
            : RetryInterval;
    }

    private async Task<JsonObject?> FetchAsync(ClusterState cluster, CancellationToken ct)
    {
        if (cluster.Destinations.IsEmpty)
        {
            return null;
        }

        try
        {
            using var client = clients.CreateClient(HttpClientName);
            return await client.GetFromJsonAsync<JsonObject>(new Uri(ServiceAddresses.NameOf(cluster.ClusterId, "http") + Path), ct);
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException or TimeoutRejectedException)
        {
            LogNotFetched(cluster.ClusterId, exception.Message);
            return null;
        }
    }

    /// <summary>Whether the route that forwards a path of the document needs no token; null when no route forwards it.</summary>
    private bool? IsAnonymous(string path)
    {
        var concrete = path.Replace('{', '_').Replace('}', '_');
        var route = proxy.GetRoutes().FirstOrDefault(route =>
            new TemplateMatcher(TemplateParser.Parse(route.Config.Match.Path!.TrimStart('/')), []).TryMatch(concrete, []));
        return route is null ? null : string.Equals(route.Config.AuthorizationPolicy, "anonymous", StringComparison.OrdinalIgnoreCase);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The OpenAPI document of {Service} could not be fetched: {Reason}")]
    private partial void LogNotFetched(string service, string reason);
}

internal static class MergedOpenApiExtensions
{
    public static void AddMergedOpenApi(this IHostApplicationBuilder builder)
    {
        // Each try goes to the next instance.
        builder.Services.AddHttpClient(MergedOpenApi.HttpClientName)
            .AddServiceDiscovery()
            .AddStandardResilienceHandler(resilience =>
            {
                resilience.AttemptTimeout.Timeout = TimeSpan.FromSeconds(5);
                resilience.TotalRequestTimeout.Timeout = TimeSpan.FromSeconds(10);
                resilience.Retry.MaxRetryAttempts = 2;
                resilience.Retry.Delay = TimeSpan.FromMilliseconds(100);
            });
        builder.Services.AddSingleton<MergedOpenApi>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<MergedOpenApi>());
    }

    public static void MapMergedOpenApi(this WebApplication app) =>
        app.MapGet(MergedOpenApi.Path, (MergedOpenApi document, HttpResponse response) =>
        {
            if (document.Current is { } json)
            {
                return Results.Bytes(json, "application/json");
            }

            response.Headers.RetryAfter = "1";
            return Problems.Of(
                StatusCodes.Status503ServiceUnavailable, "service_unavailable", "Not available.",
                "No service has described its interface yet.");
        }).AllowAnonymous();
}
