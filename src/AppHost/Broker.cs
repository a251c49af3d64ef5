using EnvPlatform.Contracts.Messaging;
using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// RabbitMQ with a user for each service, who may use the service's own queues and the exchanges of the events that it publishes or
/// receives.
/// </summary>
internal sealed class Broker
{
    private readonly IResourceBuilder<RabbitMQServerResource> _server;
    private readonly ServiceUsers _users;

    /// <param name="inContainer">Otherwise it is a process of this machine.</param>
    public Broker(IResourceBuilder<RabbitMQServerResource> server, DataFolder? folder, bool inContainer)
    {
        (_server, _users) = (server, new(server.ApplicationBuilder, "messaging", folder));
        if (folder is not null && !inContainer)
        {
            server.RunAsProcess(folder, UsersAsync);
        }
        else if (folder is not null)
        {
            server.WithContainerFiles("/etc/rabbitmq/conf.d", async (_, ct) => await FilesAsync(ct));
        }
    }

    /// <param name="service">Gets its connection string as <c>messaging</c>, and starts when the broker does.</param>
    public void AddTo(Instances service)
    {
        var password = _users.Add(service);
        var endpoint = _server.Resource.PrimaryEndpoint;
        var (host, port) = (endpoint.Property(EndpointProperty.Host), endpoint.Property(EndpointProperty.Port));
        var connection = ReferenceExpression.Create($"amqp://{service.Name}:{password:uri}@{host}:{port}");
        service.ForEach(instance => instance
            .WithEnvironment("ConnectionStrings__messaging", connection)
            .WithReferenceRelationship(_server)
            .WaitFor(_server));
    }

    private Task<IReadOnlyList<BrokerUser>> UsersAsync(CancellationToken ct) => _users.AllAsync(
        (service, password) =>
        {
            var rights = BrokerRights.Of(service);
            return new BrokerUser(service, password, rights.Configure, rights.Write, rights.Read);
        }, ct);

    private async Task<IEnumerable<ContainerFileSystemItem>> FilesAsync(CancellationToken ct)
    {
        var administrator = BrokerUser.Administrator(
            (await _server.Resource.UserNameReference.GetValueAsync(ct))!, (await _server.Resource.PasswordParameter.GetValueAsync(ct))!);
        return
        [
            new ContainerFile { Name = "20-users.conf", Contents = "load_definitions = /etc/rabbitmq/conf.d/users.json\n" },
            new ContainerFile { Name = "users.json", Contents = BrokerUser.Definitions([administrator, .. await UsersAsync(ct)]) },
        ];
    }
}
