using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text.Json;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>A request as received, its body decompressed.</summary>
internal sealed record Received(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public JsonElement Json() => JsonDocument.Parse(Body).RootElement.Clone();
}

/// <summary>A real HTTP listener that replays answers of the public API and records the requests.</summary>
internal sealed class RecordedPlatform : IAsyncDisposable
{
    public const string Org = "acme";
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Func<Received, HttpResponse, Task>>> _answers = new(
        StringComparer.Ordinal);

    private RecordedPlatform(WebApplication app) => _app = app;

    public ConcurrentQueue<Received> Requests { get; } = new();

    public string Url { get; private set; } = "";

    public static async Task<RecordedPlatform> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var platform = new RecordedPlatform(app);
        app.Run(platform.AnswerAsync);
        await app.StartAsync();
        platform.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return platform;
    }

    /// <summary>
    /// Sets an answer for a method and path (below /api/v1); several for the same are given in turn, the last one from then on.
    /// </summary>
    public RecordedPlatform On(
        string request, int status, string body, string type = "application/json", params (string Name, string Value)[] headers) =>
        On(request, async (_, response) =>
        {
            response.StatusCode = status;
            response.ContentType = status >= 400 && type == "application/json" ? "application/problem+json" : type;
            foreach (var (name, value) in headers)
            {
                response.Headers[name] = value;
            }

            await response.WriteAsync(body);
        });

    public RecordedPlatform On(string request, Func<Received, HttpResponse, Task> answer)
    {
        _answers.GetOrAdd(request, _ => new()).Enqueue(answer);
        return this;
    }

    /// <summary>The requests for a method and path, in order.</summary>
    public Received[] To(string request) => [.. Requests.Where(received => Key(received) == request)];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static string Key(Received received) => $"{received.Method} {received.Path.Replace("/api/v1", "", StringComparison.Ordinal)}";

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        var source = context.Request.Headers.ContentEncoding == "gzip"
            ? new GZipStream(context.Request.Body, CompressionMode.Decompress)
            : context.Request.Body;
        await source.CopyToAsync(body);
        var received = new Received(
            context.Request.Method, context.Request.Path, context.Request.QueryString.Value ?? "",
            context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            body.ToArray());
        Requests.Enqueue(received);

        if (!_answers.TryGetValue(Key(received), out var answers) || !answers.TryPeek(out var answer))
        {
            context.Response.StatusCode = 404;
            context.Response.ContentType = "application/problem+json";
            await context.Response.WriteAsync("""{"title": "Not found", "status": 404}""");
            return;
        }

        if (answers.Count > 1)
        {
            answers.TryDequeue(out _);
        }

        await answer(received, context.Response);
    }
}
