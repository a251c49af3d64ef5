using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace EnvPlatform.Postgres.Background;

/// <summary>How a service gets work that runs beside its requests and messages.</summary>
public static class BackgroundWork
{
    /// <summary>Runs <typeparamref name="T"/> once in its interval; it is a singleton that others may ask for.</summary>
    public static IServiceCollection AddPeriodicWork<T>(this IServiceCollection services) where T : class, IPeriodicWork
    {
        services.TryAddSingleton<T>();
        return services.AddHostedService<PeriodicLoop<T>>();
    }

    /// <summary>Runs <typeparamref name="T"/> whenever its channel is notified; it is a singleton that others may ask for.</summary>
    public static IServiceCollection AddListeningWork<T>(this IServiceCollection services) where T : class, IListeningWork
    {
        services.TryAddSingleton<T>();
        return services.AddHostedService<ListeningLoop<T>>();
    }
}
