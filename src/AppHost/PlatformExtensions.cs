using System.Collections;

using EnvPlatform.LocalServers;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.AppHost;

/// <summary>The parts of the model that every resource of the platform shares.</summary>
internal static class PlatformExtensions
{
    /// <summary>
    /// A generated secret: kept in the data folder when the platform runs, a prompt when it is published. The same name is the same secret.
    /// </summary>
    public static IResourceBuilder<ParameterResource> AddSecret(
        this IDistributedApplicationBuilder builder, string name, int length, DataFolder? folder) =>
        builder.Resources.OfType<ParameterResource>().FirstOrDefault(parameter => parameter.Name == name) is { } known
            ? builder.CreateResourceBuilder(known)
            : folder is null
                ? builder.AddParameter(name, secret: true)
                : builder.AddParameter(name, () => folder.Secret(name, length), secret: true);

    public static Instances AddInstances<TProject>(
        this IDistributedApplicationBuilder builder, string name, AppHostOptions options, DataFolder? folder)
        where TProject : IProjectMetadata, new()
    {
        var isPublished = builder.ExecutionContext.IsPublishMode;
        var names = isPublished ? [name] : Enumerable.Range(1, options.Instances).Select(i => i == 1 ? name : $"{name}-{i}");
        var instances = names.Select(instance => builder.AddProject<TProject>(instance, project => project.ExcludeLaunchProfile = true));
        return new(name, [.. options.Dashboard || isPublished ? instances : instances.Select(WithOwnTelemetry)], isPublished, folder);
    }

    /// <summary>
    /// Runs until Ctrl-C, or writes the requested output in publish mode. The exit code is 1 when the platform could not start.
    /// </summary>
    public static async Task<int> RunPlatformAsync(this IDistributedApplicationBuilder builder, AppHostOptions options, DataFolder? folder)
    {
        if (folder is null)
        {
            await builder.Build().RunAsync();
            return 0;
        }

        // The outcome reports why a start failed; the host would add the stack trace of its own cancellation.
        builder.Services.AddLogging(logging => logging
            .AddFilter("Aspire.Hosting", LogLevel.Warning)
            .AddFilter("Aspire.Hosting.Dcp.DcpHost", LogLevel.Error)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None));
        var outcome = builder.OperateLocally(folder);
        var isFirst = !File.Exists(options.BootstrapFile);
        builder.Services.AddHostedService(services => new Welcome(
            services.GetRequiredService<ResourceNotificationService>(), outcome, options, isFirst, builder.Configuration));
        await builder.Build().RunLocallyAsync();
        return outcome.Failure is null ? 0 : 1;
    }

    /// <summary>
    /// Without the dashboard telemetry goes where the variables of this process say, if they do. The orchestrator names an endpoint at
    /// which nothing listens; services would send to it again and again, also while they stop.
    /// </summary>
    private static IResourceBuilder<ProjectResource> WithOwnTelemetry(IResourceBuilder<ProjectResource> instance) =>
        instance.WithEnvironment(context =>
        {
            foreach (var variable in context.EnvironmentVariables.Keys.Where(IsOfExporter).ToArray())
            {
                context.EnvironmentVariables.Remove(variable);
            }

            foreach (var (variable, value) in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .Select(pair => ((string)pair.Key, (string)pair.Value!)).Where(pair => IsOfExporter(pair.Item1)))
            {
                context.EnvironmentVariables[variable] = value;
            }
        });

    private static bool IsOfExporter(string variable) => variable.StartsWith("OTEL_EXPORTER_OTLP_", StringComparison.Ordinal);
}
