using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults.Tests;

public sealed class TelemetryTests
{
    [Test]
    public async Task Traces_metrics_and_logs_come_from_one_service_and_one_instance()
    {
        var received = new ConcurrentDictionary<string, string>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var collector = builder.Build();
        collector.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            received[signal] = Encoding.Latin1.GetString(body.ToArray());
            return Results.Bytes([], new MediaTypeHeaderValue("application/x-protobuf").ToString());
        });
        await collector.StartAsync();
        await using (var app = await TestApp.StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_SERVICE_NAME", "named-by-the-host"), ("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=the-only-instance")))
        {
            using var client = app.As(null);
            using var probe = await client.GetAsync(new Uri("/health/live", UriKind.Relative));
            using var response = await client.GetAsync(new Uri("/crash", UriKind.Relative));
        }

        Assert.That(received.Keys, Is.EquivalentTo(new[] { "traces", "metrics", "logs" }));
        foreach (var (signal, text) in received)
        {
            Assert.That(text, Does.Contain("named-by-the-host").And.Contain("the-only-instance").And.Contain("envplatform"), signal);
            Assert.That(text.Split("service.instance.id"), Has.Length.EqualTo(2), signal);
        }

        Assert.That(received["traces"], Does.Contain("GET /crash"), "requests are named after their route");
        Assert.That(received["traces"], Does.Not.Contain("/health/live"), "probes are left out");
    }
}
