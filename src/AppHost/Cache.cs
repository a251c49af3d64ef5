using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// Redis with a user for each service, who may use keys and channels that begin with the service's name. In a container it has one password
/// for all.
/// </summary>
internal sealed class Cache
{
    private const int PasswordLength = 32;
    private readonly IResourceBuilder<RedisResource> _server;
    private readonly DataFolder? _folder;
    private readonly bool _hasUsers;
    private readonly Dictionary<string, ParameterResource> _passwords = new(StringComparer.Ordinal);

    /// <param name="inContainer">Otherwise it is a process of this machine.</param>
    public Cache(IResourceBuilder<RedisResource> server, DataFolder? folder, bool inContainer)
    {
        (_server, _folder, _hasUsers) = (server, folder, folder is not null && !inContainer);
        if (_hasUsers)
        {
            server.RunAsProcess(folder!, UsersAsync);
        }
    }

    /// <param name="service">Gets its connection string as <c>redis</c>, and starts when Redis does.</param>
    public void AddTo(Instances service)
    {
        if (!_hasUsers)
        {
            service.ForEach(instance => instance.WithReference(_server).WaitFor(_server));
            return;
        }

        var password = _server.ApplicationBuilder.AddSecret($"{service.Name}-redis-password", PasswordLength, _folder);
        _passwords[service.Name] = password.Resource;
        var endpoint = _server.Resource.PrimaryEndpoint;
        var (host, port) = (endpoint.Property(EndpointProperty.Host), endpoint.Property(EndpointProperty.Port));

        // Without the key and the channel by which the client library finds the primary of several servers: they are not the service's.
        var connection = ReferenceExpression.Create(
            $"{host}:{port},user={service.Name},password={password},tiebreaker=,configChannel=");
        service.ForEach(instance => instance
            .WithEnvironment("ConnectionStrings__redis", connection)
            .WithReferenceRelationship(_server)
            .WaitFor(_server));
    }

    private async Task<IReadOnlyList<RedisUser>> UsersAsync(CancellationToken ct)
    {
        var users = new List<RedisUser>();
        foreach (var (service, password) in _passwords)
        {
            users.Add(new(service, (await password.GetValueAsync(ct))!));
        }

        return users;
    }
}
