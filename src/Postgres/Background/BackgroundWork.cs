using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace EnvPlatform.Postgres.Background;

/// <summary>Registers background work of a service.</summary>
public static class BackgroundWork
{
    /// <summary>Runs <typeparamref name="T"/> once per interval; it is registered as a singleton.</summary>
    public static IServiceCollection AddPeriodicWork<T>(this IServiceCollection services) where T : class, IPeriodicWork
    {
        services.TryAddSingleton<T>();
        return services.AddHostedService<PeriodicLoop<T>>();
    }

    /// <summary>Runs <typeparamref name="T"/> whenever its channel is notified; it is registered as a singleton.</summary>
    public static IServiceCollection AddListeningWork<T>(this IServiceCollection services) where T : class, IListeningWork
    {
        services.TryAddSingleton<T>();
        return services.AddHostedService<ListeningLoop<T>>();
    }
}
