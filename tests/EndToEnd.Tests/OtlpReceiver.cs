using System.Collections.Concurrent;

using EnvPlatform.EndToEnd.Tests.Otlp;

using Google.Protobuf;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>A span as sent: ids in lower-case hexadecimal, empty for none.</summary>
internal sealed record ReceivedSpan(string Service, string Instance, string TraceId, string SpanId, string ParentId, string Name);

/// <summary>Receives OTLP over HTTP with protobuf, as the Aspire dashboard and any OpenTelemetry collector do.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public ConcurrentBag<ReceivedSpan> Spans { get; } = [];

    /// <summary>Everything that was posted, as it came.</summary>
    public ConcurrentBag<byte[]> Bodies { get; } = [];

    /// <summary>Paths that were posted to: traces, metrics, logs.</summary>
    public ConcurrentDictionary<string, int> Posts { get; } = new();

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        builder.Logging.SetMinimumLevel(LogLevel.Critical);
        var web = builder.Build();
        var receiver = new OtlpReceiver(web);
        web.UseRouting();
        web.MapPost("/v1/{signal}", (RequestDelegate)receiver.ReceiveAsync);
        await web.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task ReceiveAsync(HttpContext http)
    {
        var signal = http.Request.Path.Value!["/v1/".Length..];
        Posts.AddOrUpdate(signal, 1, (_, n) => n + 1);
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        Bodies.Add(body.ToArray());
        if (signal == "traces")
        {
            Read(ExportTraceRequest.Parser.ParseFrom(body.ToArray()));
        }

        http.Response.ContentType = "application/x-protobuf";
    }

    private void Read(ExportTraceRequest request)
    {
        foreach (var resource in request.ResourceSpans)
        {
            string Attribute(string key) =>
                resource.Resource.Attributes.FirstOrDefault(attribute => attribute.Key == key)?.Value.StringValue ?? "";
            var (service, instance) = (Attribute("service.name"), Attribute("service.instance.id"));
            foreach (var span in resource.ScopeSpans.SelectMany(scope => scope.Spans))
            {
                Spans.Add(new(service, instance, Hex(span.TraceId), Hex(span.SpanId), Hex(span.ParentSpanId), span.Name));
            }
        }
    }

    private static string Hex(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);
}
