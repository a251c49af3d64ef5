using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>The application: every resource of the model, started together and stopped together.</summary>
public class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost host;
    private bool started;

    internal DistributedApplication(IHost host) => this.host = host;

    public IServiceProvider Services => host.Services;
    public ResourceNotificationService ResourceNotifications => Services.GetRequiredService<ResourceNotificationService>();
    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    public static IDistributedApplicationBuilder CreateBuilder(string[] args) => CreateBuilder(new DistributedApplicationOptions { Args = args });

    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) => new DistributedApplicationBuilder(options);

    /// <summary>Starts everything and returns; what waits for others is started as they become ready.</summary>
    /// <exception cref="DistributedApplicationException">The data folder or a port is in use, or a parameter is missing.</exception>
    public virtual Task StartAsync(CancellationToken cancellationToken = default)
    {
        started = true;
        return host.StartAsync(cancellationToken);
    }

    /// <summary>Stops everything in reverse order and returns when no process is left.</summary>
    public virtual Task StopAsync(CancellationToken cancellationToken = default)
    {
        started = false;
        return host.StopAsync(cancellationToken);
    }

    /// <summary>Starts, reports on the console, and stops on Ctrl-C, SIGTERM or when a resource fails to start.</summary>
    /// <exception cref="DistributedApplicationException">A resource failed to start; everything has been stopped.</exception>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        var report = ActivatorUtilities.CreateInstance<ConsoleReport>(Services);
        using var over = new CancellationTokenSource();
        var watch = report.WatchAsync(over.Token);
        try
        {
            await StartAsync(cancellationToken);
            await host.WaitForShutdownAsync(cancellationToken);
            started = false;
        }
        finally
        {
            await DisposeAsync();
            await over.CancelAsync();
            await watch;
        }

        if (report.Failure is { } failure)
            throw new DistributedApplicationException(failure);
    }

    /// <inheritdoc cref="RunAsync"/>
    /// <remarks>A failure is told to the standard error and by the exit code 1.</remarks>
    public void Run()
    {
        try
        {
            RunAsync().GetAwaiter().GetResult();
        }
        catch (DistributedApplicationException e)
        {
            Console.Error.WriteLine(e.Message);
            Environment.ExitCode = 1;
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (started)
            await StopAsync();
        if (host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public virtual void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }
}
