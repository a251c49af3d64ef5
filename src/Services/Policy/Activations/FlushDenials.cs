using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>Writes the audit events of denials that came faster than one a second, once a second.</summary>
internal sealed class FlushDenials(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(1);

    public Task RunAsync(CancellationToken ct) => ActivationDenials.FlushAsync(db, clock, ct);
}
