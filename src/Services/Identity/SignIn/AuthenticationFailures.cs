using System.Diagnostics.Metrics;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Writes failed authentications to the audit log, but not so many that a flood could fill it: one a minute for each token, client, account
/// or source address, and so many a minute in all (for each instance of the service). The rest is counted in a metric.
/// </summary>
internal sealed class AuthenticationFailures(NpgsqlDataSource db, TimeProvider clock)
{
    public const string Service = "identity";
    private const int MaxPerMinute = 600;
    private static readonly Counter<long> Failed = Telemetry.Meter.CreateCounter<long>(
        "envplatform.identity.authentication_failures", "{failure}");
    private static readonly Counter<long> Suppressed = Telemetry.Meter.CreateCounter<long>(
        "envplatform.identity.authentication_failures_suppressed", "{failure}",
        "Failures that the audit log leaves out, being alike or too many.");

    private readonly Lock _gate = new();
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private long _minute;

    /// <param name="key">What failed: the same key is written once a minute.</param>
    /// <param name="claimed">Whose token, client or account it was; null when that is not known.</param>
    public async Task RecordAsync(string key, Caller? claimed, string reason, RequestOrigin origin, CancellationToken ct)
    {
        Failed.Add(1, new KeyValuePair<string, object?>("reason", reason));
        if (!IsNew($"{key} {reason}"))
        {
            Suppressed.Add(1);
            return;
        }

        var actor = claimed ?? Caller.OfSystem(Service, null, origin);
        await using var tx = await db.BeginAsync(ct);
        tx.Audit(
            actor, clock.GetUtcNow(), "authentication_failure",
            new AuditTarget(claimed?.SubjectId.ToString() ?? "", claimed?.Email, claimed?.SubjectType ?? "unknown"),
            claimed is null ? "Somebody unknown failed to authenticate." : $"An authentication as {claimed.DisplayName} failed.",
            new { reason });
        await tx.CommitAsync();
    }

    private bool IsNew(string key)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds() / 60;
        lock (_gate)
        {
            if (now != _minute)
            {
                _minute = now;
                _seen.Clear();
            }

            return _seen.Count < MaxPerMinute && _seen.Add(key);
        }
    }
}
