using System.Collections.Immutable;

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Runs a server of the model as a process of this machine instead of a container. Everything else stays: its health check, its connection
/// string, the creation of databases, the resources that wait for it.
/// </summary>
public static class RunAsProcessExtensions
{
    /// <summary>The suffix of the names of the process resources.</summary>
    public const string Suffix = "-process";

    /// <param name="server">The server as it would run in a container.</param>
    /// <param name="folder">Where its data and settings are kept.</param>
    /// <param name="keep">False for temporary data.</param>
    /// <exception cref="LocalServerException">The program is not installed.</exception>
    public static IResourceBuilder<PostgresServerResource> RunAsProcess(
        this IResourceBuilder<PostgresServerResource> server, DataFolder folder, bool keep = true)
    {
        ArgumentNullException.ThrowIfNull(server);
        var resource = server.Resource;
        return server.RunAsProcess(
            new PostgresProgram(folder, resource.Name, keep),
            ct => resource.UserNameReference.GetValueAsync(ct),
            ct => resource.PasswordParameter.GetValueAsync(ct));
    }

    /// <inheritdoc cref="RunAsProcess(IResourceBuilder{PostgresServerResource}, DataFolder, bool)"/>
    /// <param name="users">Those beside the administrator; asked for before each start.</param>
    public static IResourceBuilder<RabbitMQServerResource> RunAsProcess(
        this IResourceBuilder<RabbitMQServerResource> server, DataFolder folder,
        Func<CancellationToken, Task<IReadOnlyList<BrokerUser>>> users, bool keep = true)
    {
        ArgumentNullException.ThrowIfNull(server);
        var resource = server.Resource;
        return server.RunAsProcess(
            new RabbitMqProgram(folder, resource.Name, keep, users),
            ct => resource.UserNameReference.GetValueAsync(ct),
            ct => resource.PasswordParameter.GetValueAsync(ct));
    }

    /// <inheritdoc cref="RunAsProcess(IResourceBuilder{PostgresServerResource}, DataFolder, bool)"/>
    /// <param name="users">Those beside the administrator; asked for before each start.</param>
    public static IResourceBuilder<RedisResource> RunAsProcess(
        this IResourceBuilder<RedisResource> server, DataFolder folder, Func<CancellationToken, Task<IReadOnlyList<RedisUser>>> users,
        bool keep = false)
    {
        ArgumentNullException.ThrowIfNull(server);
        var resource = server.Resource;
        return server.RunAsProcess(
            new RedisProgram(folder, resource.Name, keep, users),
            _ => ValueTask.FromResult<string?>(null),
            ct => resource.PasswordParameter!.GetValueAsync(ct));
    }

    private static IResourceBuilder<T> RunAsProcess<T>(
        this IResourceBuilder<T> server, ILocalServer program, Func<CancellationToken, ValueTask<string?>> user,
        Func<CancellationToken, ValueTask<string?>> password)
        where T : ContainerResource, IResourceWithConnectionString
    {
        var builder = server.ApplicationBuilder;
        var name = server.Resource.Name;
        BecomePlain(server.Resource, program.Port);

        var process = builder.AddProcess(name + Suffix, program.Process, server)
            .OnBeforeResourceStarted(async (_, _, ct) => await program.PrepareAsync(await user(ct) ?? "", await password(ct) ?? "", ct));
        foreach (var (suffix, companion) in program.Companions)
        {
            process.WaitForStart(builder.AddProcess($"{name}-{suffix}", companion, server));
        }

        return server
            .WithAnnotation(new LocalServerAnnotation(program))
            .OnInitializeResource((resource, e, ct) => FollowAsync(resource, process.Resource, program.Port, e, ct))
            .Forward(process.Resource, KnownResourceCommands.StartCommand, "Start", "Play")
            .Forward(process.Resource, KnownResourceCommands.StopCommand, "Stop", "Stop")
            .Forward(process.Resource, KnownResourceCommands.RestartCommand, "Restart", "ArrowCounterclockwise");
    }

    /// <summary>Removes everything that marks it as a container to the orchestrator, and sets where it listens.</summary>
    private static void BecomePlain(ContainerResource resource, int port)
    {
        foreach (var annotation in resource.Annotations.Where(IsOfContainer).ToArray())
        {
            resource.Annotations.Remove(annotation);
        }

        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            // In this order: an endpoint without a proxy keeps the port that it has.
            endpoint.Port = port;
            endpoint.TargetPort = port;
            endpoint.TargetHost = "127.0.0.1";
            endpoint.IsProxied = false;
        }
    }

    private static bool IsOfContainer(IResourceAnnotation annotation) =>
        annotation is EnvironmentCallbackAnnotation or CommandLineArgsCallbackAnnotation
        || annotation.GetType().Name is var name
            && (name.StartsWith("Container", StringComparison.Ordinal) || name.Contains("Certificate", StringComparison.Ordinal));

    private static IResourceBuilder<ExecutableResource> AddProcess(
        this IDistributedApplicationBuilder builder, string name, ServerProcess process, IResourceBuilder<IResource> server)
    {
        var executable = builder.AddExecutable(name, process.Command, process.WorkingDirectory, [.. process.Arguments])
            .WithParentRelationship(server.Resource)
            .ExcludeFromManifest();
        foreach (var (key, value) in process.Environment)
        {
            executable.WithEnvironment(key, value);
        }

        return executable;
    }

    /// <summary>Publishes where the server listens, then mirrors the state of its process.</summary>
    private static async Task FollowAsync(
        IResourceWithConnectionString server, ExecutableResource process, int port, InitializeResourceEvent e, CancellationToken ct)
    {
        foreach (var endpoint in server.Annotations.OfType<EndpointAnnotation>())
        {
            endpoint.AllocatedEndpoint = new(endpoint, "127.0.0.1", port);
        }

        await e.Eventing.PublishAsync(new ResourceEndpointsAllocatedEvent(server, e.Services), ct);
        await e.Eventing.PublishAsync(new ConnectionStringAvailableEvent(server, e.Services), ct);
        var databases = e.Services.GetRequiredService<DistributedApplicationModel>().Resources
            .Where(resource => resource is IResourceWithParent child && child.Parent == server).ToArray();
        foreach (var database in databases)
        {
            await e.Eventing.PublishAsync(new ConnectionStringAvailableEvent(database, e.Services), ct);
        }

        await e.Eventing.PublishAsync(new BeforeResourceStartedEvent(server, e.Services), ct);

        // The event's publisher waits for this method.
        _ = MirrorAsync(
            server, databases, process, port, e.Notifications,
            e.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped);
    }

    private static async Task MirrorAsync(
        IResource server, IResource[] databases, ExecutableResource process, int port, ResourceNotificationService notifications,
        CancellationToken ct)
    {
        await foreach (var change in notifications.WatchAsync(ct))
        {
            if (change.Resource == process)
            {
                // Of resources that share an address only one may show it: the dashboard uses it to name the peer of a span.
                var url = new UrlSnapshot("tcp", $"tcp://127.0.0.1:{port}", IsInternal: false);
                await notifications.PublishUpdateAsync(server, snapshot => Mirrored(snapshot, change.Snapshot) with { Urls = [url] });
                foreach (var database in databases)
                {
                    await notifications.PublishUpdateAsync(database, snapshot => Mirrored(snapshot, change.Snapshot));
                }
            }
        }
    }

    private static CustomResourceSnapshot Mirrored(CustomResourceSnapshot snapshot, CustomResourceSnapshot process) =>
        snapshot with
        {
            State = process.State,
            ExitCode = process.ExitCode,
            StartTimeStamp = process.StartTimeStamp,
            StopTimeStamp = process.StopTimeStamp,
            Properties = [.. Shown(process.Properties)],
        };

    private static IEnumerable<ResourcePropertySnapshot> Shown(ImmutableArray<ResourcePropertySnapshot> properties) =>
        properties.Where(property => property.Name.StartsWith("executable.", StringComparison.Ordinal));

    private static IResourceBuilder<T> Forward<T>(
        this IResourceBuilder<T> server, ExecutableResource process, string command, string displayName, string icon)
        where T : IResource =>
        server.WithCommand(
            command,
            displayName,
            context => context.Services.GetRequiredService<ResourceCommandService>()
                .ExecuteCommandAsync(process, command, context.CancellationToken),
            new CommandOptions
            {
                IconName = icon,
                IconVariant = IconVariant.Filled,
                IsHighlighted = true,
                UpdateState = context =>
                {
                    var runs = context.ResourceSnapshot.State?.Text == KnownResourceStates.Running;
                    return runs == (command != KnownResourceCommands.StartCommand)
                        ? ResourceCommandState.Enabled
                        : ResourceCommandState.Hidden;
                },
            });
}
