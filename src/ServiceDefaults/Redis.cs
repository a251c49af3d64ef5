using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.ServiceDefaults;

/// <summary>Redis, for what can be rebuilt: a service works without it, only more slowly.</summary>
public static class Redis
{
    /// <summary>Registers <see cref="RedisConnection"/>, from the connection string <c>redis</c>.</summary>
    public static void AddRedis(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var connectionString = builder.Configuration.GetConnectionString("redis") is { Length: > 0 } given
            ? given
            : throw new InvalidOperationException("The connection string ConnectionStrings:redis is missing.");
        builder.Services.TryAddSingleton(_ => new RedisConnection(connectionString));
    }
}
