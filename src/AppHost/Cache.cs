using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// Redis with a user for each service, who may use keys and channels that begin with the service's name. In a container it has one password
/// for all.
/// </summary>
internal sealed class Cache
{
    private readonly IResourceBuilder<RedisResource> _server;
    private readonly ServiceUsers _users;
    private readonly bool _hasUsers;

    /// <param name="inContainer">Otherwise it is a process of this machine.</param>
    public Cache(IResourceBuilder<RedisResource> server, DataFolder? folder, bool inContainer)
    {
        (_server, _users) = (server, new(server.ApplicationBuilder, "redis", folder));
        _hasUsers = folder is not null && !inContainer;
        if (_hasUsers)
        {
            server.RunAsProcess(folder!, ct => _users.AllAsync((service, password) => new RedisUser(service, password), ct));
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

        var password = _users.Add(service);
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
}
