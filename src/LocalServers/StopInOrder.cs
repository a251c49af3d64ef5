using Aspire.Hosting.ApplicationModel;

using Microsoft.Extensions.Hosting;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Stops the projects before the servers that they use. The orchestrator stops everything at once: services would wait for a broker that is
/// gone, and log errors about it. It stops whatever is left afterwards.
/// </summary>
internal sealed class StopInOrder(
    DistributedApplicationModel model, ResourceNotificationService resources, ResourceCommandService commands, TimeProvider clock)
    : IHostedLifecycleService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await Task.WhenAll(model.Resources.OfType<ProjectResource>().Select(project => StopAsync(project, both.Token)));
            await Task.WhenAll(
                model.Resources.SelectMany(server => server.Annotations.OfType<LocalServerAnnotation>())
                    .Select(server => server.Program.EndAsync(both.Token)));
        }
        catch (OperationCanceledException)
        {
            // Whatever has not stopped by now is stopped with the rest.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task StopAsync(ProjectResource project, CancellationToken ct)
    {
        // One that is not running cannot be told to stop.
        var told = await commands.ExecuteCommandAsync(project, KnownResourceCommands.StopCommand, ct);
        if (told.Success)
        {
            await resources.WaitForResourceAsync(project.Name, KnownResourceStates.TerminalStates, ct);
        }
    }
}
