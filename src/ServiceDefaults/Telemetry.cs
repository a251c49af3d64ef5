using System.Diagnostics.Metrics;

using MassTransit.Logging;
using MassTransit.Monitoring;

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Traces, metrics and logs by OpenTelemetry, sent by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set (the Aspire dashboard sets it).
/// ASP.NET Core, HttpClient, Npgsql and MassTransit emit activities and meters of their own; they are switched on by name.
/// </summary>
public static class Telemetry
{
    public const string ActivitySourceName = "EnvPlatform";

    /// <summary>The platform's own instruments; their names begin with <c>envplatform.</c>.</summary>
    public static Meter Meter { get; } = new("EnvPlatform");

    internal static void AddTelemetry(this WebApplicationBuilder builder, string service)
    {
        var export = !string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service, serviceNamespace: "envplatform"))
            .WithTracing(tracing =>
            {
                tracing.AddSource(ActivitySourceName, "Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "Yarp.ReverseProxy", DiagnosticHeaders.DefaultListenerName);
                if (export)
                {
                    tracing.AddOtlpExporter();
                }
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(
                    Meter.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "Npgsql",
                    InstrumentationOptions.MeterName);
                if (export)
                {
                    metrics.AddOtlpExporter();
                }
            });
        if (!export)
        {
            return;
        }

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeScopes = true;
            logging.IncludeFormattedMessage = true;
            logging.SetResourceBuilder(ResourceBuilder.CreateDefault().AddService(service, serviceNamespace: "envplatform"));
            logging.AddOtlpExporter();
        });
    }
}
