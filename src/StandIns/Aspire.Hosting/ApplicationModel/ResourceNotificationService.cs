using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Tells what state each resource is in, and when it changes.</summary>
public class ResourceNotificationService
{
    private readonly Lock gate = new();
    private readonly List<ChannelWriter<ResourceEvent>> watchers = [];
    private readonly ConcurrentDictionary<string, ResourceEvent> current = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The present state of every resource, then every change, until cancelled.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>();
        lock (gate)
        {
            foreach (var state in current.Values)
                channel.Writer.TryWrite(state);
            watchers.Add(channel.Writer);
        }

        try
        {
            await foreach (var state in channel.Reader.ReadAllAsync(cancellationToken))
                yield return state;
        }
        finally
        {
            lock (gate)
                watchers.Remove(channel.Writer);
        }
    }

    public Task<string> WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    public async Task<string> WaitForResourceAsync(string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var states = targetStates.ToArray();
        var found = await WaitForResourceAsync(
            resourceName, e => e.Snapshot.State?.Text is { } text && states.Contains(text, StringComparer.OrdinalIgnoreCase), cancellationToken);
        return found.Snapshot.State!.Text;
    }

    public async Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        await foreach (var state in WatchAsync(cancellationToken))
            if (string.Equals(state.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase) && predicate(state))
                return state;

        throw new OperationCanceledException($"The wait for '{resourceName}' was cancelled.");
    }

    /// <exception cref="DistributedApplicationException">The resource failed to start.</exception>
    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(resourceName, WaitBehavior.StopOnResourceUnavailable, cancellationToken);

    /// <inheritdoc cref="WaitForResourceHealthyAsync(string, CancellationToken)"/>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        var state = await WaitForResourceAsync(resourceName, Decided, cancellationToken);
        return state.Snapshot.HealthStatus == HealthStatus.Healthy
            ? state
            : throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it failed to start. {Reason(state.Snapshot)}");

        bool Decided(ResourceEvent e) => e.Snapshot.HealthStatus == HealthStatus.Healthy
            || waitBehavior == WaitBehavior.StopOnResourceUnavailable && e.Snapshot.State?.Text == KnownResourceStates.FailedToStart;
    }

    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent) =>
        current.TryGetValue(resourceId, out resourceEvent);

    internal const string FailureProperty = "failure";

    internal static string Reason(CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(p => p.Name == FailureProperty)?.Value as string ?? "";

    internal void Publish(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> change)
    {
        lock (gate)
        {
            var before = current.TryGetValue(resourceId, out var known)
                ? known.Snapshot
                : new CustomResourceSnapshot { ResourceType = resource.GetType().Name.Replace("Resource", ""), Properties = [] };
            var state = current[resourceId] = new ResourceEvent(resource, resourceId, change(before));
            foreach (var watcher in watchers)
                watcher.TryWrite(state);
        }
    }
}
