using EnvPlatform.Contracts.Messaging;
using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// RabbitMQ with a user for each service, who may use the service's own queues and the exchanges of the events that it publishes or
/// receives.
/// </summary>
internal sealed class Broker
{
    private const int PasswordLength = 32;
    private readonly IResourceBuilder<RabbitMQServerResource> _server;
    private readonly DataFolder? _folder;
    private readonly Dictionary<string, ParameterResource> _passwords = new(StringComparer.Ordinal);

    /// <param name="inContainer">Otherwise it is a process of this machine.</param>
    public Broker(IResourceBuilder<RabbitMQServerResource> server, DataFolder? folder, bool inContainer)
    {
        (_server, _folder) = (server, folder);
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
        var password = _server.ApplicationBuilder.AddSecret($"{service.Name}-messaging-password", PasswordLength, _folder);
        _passwords[service.Name] = password.Resource;
        var endpoint = _server.Resource.PrimaryEndpoint;
        var (host, port) = (endpoint.Property(EndpointProperty.Host), endpoint.Property(EndpointProperty.Port));
        var connection = ReferenceExpression.Create($"amqp://{service.Name}:{password}@{host}:{port}");
        service.ForEach(instance => instance
            .WithEnvironment("ConnectionStrings__messaging", connection)
            .WithReferenceRelationship(_server)
            .WaitFor(_server));
    }

    private async Task<IReadOnlyList<BrokerUser>> UsersAsync(CancellationToken ct)
    {
        var users = new List<BrokerUser>();
        foreach (var (service, password) in _passwords)
        {
            var rights = BrokerRights.Of(service);
            users.Add(new(service, (await password.GetValueAsync(ct))!, rights.Configure, rights.Write, rights.Read));
        }

        return users;
    }

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
