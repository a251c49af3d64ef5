using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>The services as users of one server: each has its own name there, and a password.</summary>
/// <param name="kind">Of the server, in the passwords' names: <c>ingest-messaging-password</c>.</param>
internal sealed class ServiceUsers(IDistributedApplicationBuilder builder, string kind, DataFolder? folder)
{
    private const int PasswordLength = 32;
    private readonly Dictionary<string, ParameterResource> _passwords = new(StringComparer.Ordinal);

    public IResourceBuilder<ParameterResource> Add(Instances service)
    {
        var password = builder.AddSecret($"{service.Name}-{kind}-password", PasswordLength, folder);
        _passwords[service.Name] = password.Resource;
        return password;
    }

    /// <summary>What the server is told of all of them.</summary>
    /// <param name="toUser">Of a service's name and password.</param>
    public async Task<IReadOnlyList<T>> AllAsync<T>(Func<string, string, T> toUser, CancellationToken ct)
    {
        var users = new List<T>();
        foreach (var (service, password) in _passwords)
        {
            users.Add(toUser(service, (await password.GetValueAsync(ct))!));
        }

        return users;
    }
}
