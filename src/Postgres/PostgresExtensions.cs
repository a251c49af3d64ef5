using System.Reflection;

using EnvPlatform.Postgres.Background;
using EnvPlatform.Postgres.Outbox;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Registers a service's database: data source, migrations, outbox relay, inbox, health.</summary>
public static class PostgresExtensions
{
    /// <summary>
    /// Registers <see cref="NpgsqlDataSource"/> for the connection string <paramref name="connectionName"/>, applies the migrations
    /// embedded in <paramref name="migrations"/> (resources <c>migrations/NNNN_name.sql</c>) before the service is ready, and relays the
    /// outbox.
    /// </summary>
    public static IHostApplicationBuilder AddPostgres(
        this IHostApplicationBuilder builder, string connectionName, Assembly migrations, Action<NpgsqlDataSourceBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        DapperSetup.Apply();
        builder.Services.AddOptions<PostgresOptions>().BindConfiguration(PostgresOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        var connectionString = builder.Configuration.GetConnectionString(connectionName)
            ?? throw new InvalidOperationException($"The connection string ConnectionStrings:{connectionName} is missing.");
        builder.Services.AddSingleton(_ =>
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                ApplicationName = builder.Environment.ApplicationName,
                MaxAutoPrepare = 60,
                AutoPrepareMinUsages = 3,
            };
            if (!settings.ContainsKey("Maximum Pool Size"))
            {
                settings.MaxPoolSize = builder.Configuration.GetValue<int?>($"{PostgresOptions.Section}:MaxPoolSize") ?? 40;
            }

            var source = new NpgsqlDataSourceBuilder(settings.ConnectionString);
            configure?.Invoke(source);
            return source.Build();
        });
        builder.Services.AddSingleton(provider => new Migrator(
            provider.GetRequiredService<NpgsqlDataSource>(), [typeof(Migrator).Assembly, migrations],
            provider.GetRequiredService<Microsoft.Extensions.Logging.ILogger<Migrator>>()));
        builder.Services.AddSingleton<MigrationState>();
        builder.Services.AddHostedService<MigrateAtStart>();
        builder.Services.AddListeningWork<OutboxRelay>();
        builder.Services.AddPeriodicWork<Housekeeping>();
        builder.Services.AddHealthChecks().AddCheck<PostgresHealth>("postgres", HealthStatus.Unhealthy, ["ready"]);
        return builder;
    }
}
