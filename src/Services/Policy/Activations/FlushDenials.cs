using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>Writes, once a second, the audit events of denials beyond one a second.</summary>
internal sealed class FlushDenials(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(1);

    public Task RunAsync(CancellationToken ct) => ActivationDenials.FlushAsync(db, clock, ct);
}
