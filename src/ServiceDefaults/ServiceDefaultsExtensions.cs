using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults;

/// <summary>How any service starts: telemetry, health, problem details, JSON, callers' identity, listening addresses.</summary>
public static class ServiceDefaultsExtensions
{
    /// <param name="service">The service's name in telemetry and in the audit log: <c>identity</c>, <c>ingest</c>...</param>
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder, string service)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddEdgeDefaults(service);
        builder.Services.AddCallers(service);
        builder.Services.AddDescription();
        builder.Services.AddHttpContextAccessor();
        builder.Services.AddRequestDecompression();
        builder.Services.AddGrpc();
        builder.Services.AddGrpcHealthChecks(health => health.Services.Map("", check => check.Tags.Contains(Health.ReadyTag)));
        return builder;
    }

    /// <summary>
    /// What a process at the edge shares with the services: everything but the authentication by assertion, gRPC and OpenAPI. It
    /// authenticates its callers by other means and composes its own middleware.
    /// </summary>
    public static WebApplicationBuilder AddEdgeDefaults(this WebApplicationBuilder builder, string service)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(new ServiceName(service));
        builder.Services.AddSingleton<RefusalLog>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTelemetry(service);
        builder.AddHealth();
        builder.AddListening();

        // NOT_FOUND is a normal answer, and a retried call has none yet: neither is worth logging.
        builder.Logging.AddFilter("Grpc", LogLevel.Warning);
        builder.Logging.AddFilter("Polly", LogLevel.Warning);
        builder.Services.AddProblems();
        builder.Services.ConfigureHttpJsonOptions(options => Json.ConfigureRequests(options.SerializerOptions));
        builder.Services.TryAddSingleton(_ => CallKeys.From(builder.Configuration, service));
        builder.Services.TryAddSingleton(_ => ServiceSecret.From(builder.Configuration));
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(20));
        return builder;
    }

    /// <summary>The middleware that every service has, in order, and its health (HTTP and gRPC) and OpenAPI endpoints.</summary>
    public static WebApplication UseServiceDefaults(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseRefusals();
        app.UseProblems();
        app.UseRouting();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseKnownParameters();
        app.UseCharsets();
        app.UsePackedBodies();
        app.MapHealth();
        app.MapGrpcHealthChecksService().AllowAnonymous();
        app.MapOpenApi().AllowAnonymous();
        return app;
    }
}

/// <summary>The name of the service that runs here, as in telemetry and the audit log.</summary>
public sealed record ServiceName(string Value);
