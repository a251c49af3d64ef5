using Aspire.Hosting.Processes;

namespace Aspire.Hosting.ApplicationModel;

public static class KnownResourceCommands
{
    public static readonly string StartCommand = "resource-start";
    public static readonly string StopCommand = "resource-stop";
    public static readonly string RestartCommand = "resource-restart";
}

public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }
    public string? ErrorMessage { get; init; }
}

/// <summary>Starts, stops and restarts the processes of resources while the application runs.</summary>
public class ResourceCommandService
{
    private readonly Orchestrator orchestrator;

    internal ResourceCommandService(Orchestrator orchestrator) => this.orchestrator = orchestrator;

    public Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resource.Name, commandName, cancellationToken);

    /// <summary>A stop returns when the process is gone, a start when it is there; wait for health to know that it serves.</summary>
    /// <param name="resourceId">A resource, with all its replicas, or one of its replicas (name-1).</param>
    /// <param name="commandName">One of <see cref="KnownResourceCommands"/>.</param>
    /// <param name="cancellationToken">Stops the wait, not the command.</param>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        var instances = orchestrator.Find(resourceId);
        if (instances.Count == 0)
            return new ExecuteCommandResult { Success = false, ErrorMessage = $"Resource '{resourceId}' not found." };

        bool stop = commandName == KnownResourceCommands.StopCommand, start = commandName == KnownResourceCommands.StartCommand;
        if (commandName == KnownResourceCommands.RestartCommand)
            stop = start = true;
        if (!stop && !start)
            return new ExecuteCommandResult { Success = false, ErrorMessage = $"Command '{commandName}' not available for resource '{resourceId}'." };

        if (stop)
            await Task.WhenAll(instances.Select(i => i.StopByCommandAsync(cancellationToken)));
        if (start)
            await Task.WhenAll(instances.Select(i => i.StartByCommandAsync(cancellationToken)));
        return new ExecuteCommandResult { Success = true };
    }
}
