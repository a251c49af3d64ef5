using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Processes;

/// <summary>Gives every endpoint its port, starts an instance for every replica, and stops them in reverse order: what is used after what uses it.</summary>
internal sealed class Orchestrator(
    DistributedApplicationModel model, DataFolder folder, ResourceNotificationService notifications, DistributedApplicationOptions options,
    TimeProvider clock) : IHostedService
{
    private readonly Dictionary<IResource, ResourceInstance[]> instances = [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        folder.Claim();
        var resources = model.Resources.Where(r => r.HasProcess()).ToArray();
        foreach (var resource in resources)
            Allocate(resource);
        await ResolveParametersAsync(cancellationToken);

        foreach (var resource in resources)
        {
            var replicas = Replicas(resource);
            var children = model.Resources.Where(r => r != resource && r.Root() == resource).ToArray();
            instances[resource] = [.. Enumerable.Range(0, replicas).Select(i => new ResourceInstance(
                resource, i, i == 0 ? resource.Name : $"{resource.Name}-{i}", folder, notifications, clock) { Children = children })];
        }

        foreach (var instance in instances.Values.SelectMany(i => i))
            instance.Start();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var stops = new Dictionary<IResource, Task>();
        foreach (var resource in instances.Keys)
            _ = StopAfterDependents(resource, stops);
        await Task.WhenAll(stops.Values);
        foreach (var instance in instances.Values.SelectMany(i => i))
            instance.Dispose();
        instances.Clear();
    }

    /// <summary>The instances of a resource, or the one with that id.</summary>
    public IReadOnlyList<ResourceInstance> Find(string name)
    {
        var all = instances.Values.SelectMany(i => i).ToArray();
        var byResource = all.Where(i => string.Equals(i.Resource.Name, name, StringComparison.OrdinalIgnoreCase)).ToArray();
        return byResource.Length > 0 ? byResource : [.. all.Where(i => string.Equals(i.Id, name, StringComparison.OrdinalIgnoreCase))];
    }

    private Task StopAfterDependents(IResource resource, Dictionary<IResource, Task> stops)
    {
        if (stops.TryGetValue(resource, out var known))
            return known;

        // A cycle of waits would never have started, so this ends.
        var dependents = instances.Keys.Where(other => other != resource && DependsOn(other, resource)).Select(other => StopAfterDependents(other, stops)).ToArray();
        return stops[resource] = StopAsync(dependents, instances[resource]);

        static async Task StopAsync(Task[] dependents, ResourceInstance[] stopping)
        {
            await Task.WhenAll(dependents);
            await Task.WhenAll(stopping.Select(i => i.StopAsync()));
        }
    }

    private static bool DependsOn(IResource resource, IResource other) =>
        resource.Annotations.OfType<WaitAnnotation>().Any(w => w.Resource.Root() == other)
        || resource.Annotations.OfType<ResourceRelationshipAnnotation>().Any(r => r.Resource is IResourceWithConnectionString && r.Resource.Root() == other);

    private static int Replicas(IResource resource) => resource.TryGet<ReplicaAnnotation>(out var replicas) ? replicas.Replicas : 1;

    private void Allocate(IResource resource)
    {
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            var wanted = options.RandomizePorts ? null : endpoint.Port ?? endpoint.TargetPort;
            if (wanted is { } port && !FreePorts.IsFree(port))
                throw new DistributedApplicationException($"Port {port}, which '{resource.Name}' is to listen on, is in use by another program.");

            endpoint.Allocate([wanted ?? FreePorts.Next(), .. Enumerable.Range(1, Replicas(resource) - 1).Select(_ => FreePorts.Next())]);
        }
    }

    /// <summary>A missing parameter is reported before anything has started.</summary>
    private async Task ResolveParametersAsync(CancellationToken ct)
    {
        foreach (var parameter in model.Resources.OfType<ParameterResource>())
        {
            if (parameter.Default is KeptParameterDefault kept)
                kept.Folder = folder;
            await parameter.GetValueAsync(ct);
        }
    }
}
