using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Identity.SignIn;

/// <summary>Writes to the audit log how many failed authentications there were beside those that it has one by one.</summary>
internal sealed class CountAuthenticationFailures(AuthenticationFailures failures, TimeProvider clock) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(15);

    public Task RunAsync(CancellationToken ct) => failures.WriteCountsAsync(clock.GetUtcNow(), ct);
}
