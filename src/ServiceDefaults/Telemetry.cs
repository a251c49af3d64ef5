using System.Diagnostics;
using System.Diagnostics.Metrics;

using MassTransit.Logging;
using MassTransit.Monitoring;

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Traces, metrics and logs by OpenTelemetry, sent by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set (the Aspire dashboard sets it).
/// HttpClient, gRPC, Npgsql, Polly and MassTransit emit activities and meters of their own; they are switched on by name. Requests are
/// named after their route. Polling and health checks are left out of the traces: see <see cref="WorkSampler"/>.
/// </summary>
public static class Telemetry
{
    public const string ActivitySourceName = "EnvPlatform";

    private static readonly string[] Sources =
        [
            ActivitySourceName, "System.Net.Http", "Grpc.Net.Client", "Npgsql", "Yarp.ReverseProxy",
            DiagnosticHeaders.DefaultListenerName
        ];

    private static readonly string[] Meters =
    [
        "EnvPlatform", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http",
        "System.Runtime", "Npgsql", "Polly",
        InstrumentationOptions.MeterName,
    ];

    /// <summary>The platform's own instruments; their names begin with <c>envplatform.</c>.</summary>
    public static Meter Meter { get; } = new("EnvPlatform");

    private static readonly ActivitySource Activities = new(ActivitySourceName);

    /// <summary>Begins a trace of work that no request and no message brought about; it is the current one until it is disposed.</summary>
    public static Activity StartWork(string name) =>
        Activities.StartActivity(name) ?? new Activity(name).SetIdFormat(ActivityIdFormat.W3C).Start();

    internal static void AddTelemetry(this WebApplicationBuilder builder, string service)
    {
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => NameService(resource, service))
            .WithTracing(tracing => tracing
                .AddSource(Sources)
                .AddAspNetCoreInstrumentation(options => options.Filter = context => !Health.IsProbe(context.Request))
                .SetSampler(new ParentBasedSampler(new WorkSampler())))
            .WithMetrics(metrics => metrics.AddMeter(Meters));
        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry
                .WithLogging(null, logging => (logging.IncludeScopes, logging.IncludeFormattedMessage) = (true, true))
                .UseOtlpExporter();
        }
    }

    /// <summary>
    /// The process and its instance can be given other names, by <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c>.
    /// </summary>
    private static void NameService(ResourceBuilder resource, string service) =>
        resource.AddService(service, serviceNamespace: "envplatform").AddEnvironmentVariableDetector();
}
