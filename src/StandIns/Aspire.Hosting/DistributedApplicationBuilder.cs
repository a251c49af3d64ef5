using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>Collects the resources of an application.</summary>
public interface IDistributedApplicationBuilder
{
    ConfigurationManager Configuration { get; }
    string AppHostDirectory { get; }
    Assembly? AppHostAssembly { get; }
    IHostEnvironment Environment { get; }
    IServiceCollection Services { get; }
    IResourceCollection Resources { get; }

    /// <exception cref="DistributedApplicationException">Another resource has that name.</exception>
    IResourceBuilder<T> AddResource<T>(T resource) where T : IResource;

    IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource;

    DistributedApplication Build();
}

public interface IResourceCollection : IList<IResource>;

internal sealed class ResourceCollection : System.Collections.ObjectModel.Collection<IResource>, IResourceCollection;

public class DistributedApplicationModel(IResourceCollection resources)
{
    public IResourceCollection Resources { get; } = resources;
}

public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder host;

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        BuilderInterception.Current?.Creating(options);
        host = new HostApplicationBuilder(new HostApplicationBuilderSettings { Args = options.Args });
        AppHostAssembly = options.AssemblyName is { } name ? Assembly.Load(name) : Assembly.GetEntryAssembly();
        AppHostDirectory = options.ProjectDirectory ?? Directory.GetCurrentDirectory();

        host.Logging.SetMinimumLevel(LogLevel.Warning);

        // A failed start is thrown, and told once by who catches it.
        host.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        Services.Configure<ConsoleLifetimeOptions>(o => o.SuppressStatusMessages = true);
        Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMinutes(2));
        Services.TryAddSingleton(TimeProvider.System);
        Services.AddSingleton(options);
        Services.AddSingleton(_ => new DataFolder(Configuration[DataFolder.ConfigurationKey], options.TemporaryData));
        Services.AddSingleton(new DistributedApplicationModel(Resources));
        Services.AddSingleton<ResourceNotificationService>();
        Services.AddSingleton<Orchestrator>();
        Services.AddSingleton(services => new ResourceCommandService(services.GetRequiredService<Orchestrator>()));
        Services.AddHostedService(services => services.GetRequiredService<Orchestrator>());
    }

    public ConfigurationManager Configuration => host.Configuration;
    public string AppHostDirectory { get; }
    public Assembly? AppHostAssembly { get; }
    public IHostEnvironment Environment => host.Environment;
    public IServiceCollection Services => host.Services;
    public IResourceCollection Resources { get; } = new ResourceCollection();

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource
    {
        if (Resources.Any(r => string.Equals(r.Name, resource.Name, StringComparison.OrdinalIgnoreCase)))
            throw new DistributedApplicationException($"Cannot add resource of type '{typeof(T)}' with name '{resource.Name}': the name is taken.");

        Resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource =>
        new DistributedApplicationResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        BuilderInterception.Current?.Building(this);
        return new DistributedApplication(host.Build());
    }
}

/// <summary>Lets the testing package take the builder out of an application's Main.</summary>
internal abstract class BuilderInterception
{
    private static readonly AsyncLocal<BuilderInterception?> Flowing = new();

    /// <summary>In effect for what the setting code calls.</summary>
    public static BuilderInterception? Current { get => Flowing.Value; set => Flowing.Value = value; }

    public abstract void Creating(DistributedApplicationOptions options);

    /// <summary>Called in place of the build that Main asks for.</summary>
    public abstract void Building(DistributedApplicationBuilder builder);
}
