using System.Reflection;

using EnvPlatform.Postgres.Background;
using EnvPlatform.Postgres.Outbox;
using EnvPlatform.Postgres.Refusals;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Registers a service's database: data source, check of the schema, outbox relay, inbox, health.</summary>
public static class PostgresExtensions
{
    /// <summary>
    /// Registers <see cref="NpgsqlDataSource"/> for the connection string <paramref name="connectionName"/>, waits for the migrations that
    /// are embedded in <paramref name="migrations"/> (resources <c>migrations/NNNN_name.sql</c>) before the service is ready, and relays
    /// the outbox.
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
        builder.Services.AddSingleton<MigrationState>();
        builder.Services.AddHostedService(provider => new SchemaCheck(
            provider.GetRequiredService<NpgsqlDataSource>(), MigrationScript.Of(migrations), provider.GetRequiredService<MigrationState>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<IHostApplicationLifetime>(),
            provider.GetRequiredService<ILogger<SchemaCheck>>()));
        builder.Services.AddListeningWork<OutboxRelay>();
        builder.Services.AddPeriodicWork<Housekeeping>();
        // Stops behind the loop, which is registered later.
        builder.Services.AddHostedService<KeepRefusalsAtStop>();
        builder.Services.AddPeriodicWork<KeepRefusals>();
        builder.Services.AddHealthChecks().AddCheck<PostgresHealth>("postgres", HealthStatus.Unhealthy, ["ready"]);
        return builder;
    }
}
