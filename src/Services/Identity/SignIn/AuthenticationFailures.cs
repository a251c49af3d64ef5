using System.Diagnostics;
using System.Diagnostics.Metrics;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Writes failed authentications to the audit log, but not so many that a flood could fill it (for each instance of the service): the first
/// in a minute of each token, client, account or source address at once, and those that follow as one event with their count when the
/// minute is over. Whatever is known by name is always written; of addresses so many a minute, and the rest of them together.
/// </summary>
internal sealed class AuthenticationFailures(NpgsqlDataSource db, TimeProvider clock)
{
    public const string Service = "identity";
    private const int MaxUnknown = 600;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly Counter<long> Failed = Telemetry.Meter.CreateCounter<long>(
        "envplatform.identity.authentication_failures", "{failure}");

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Alike> _open = new(StringComparer.Ordinal);
    private readonly List<Alike> _over = [];
    private int _unknown;

    /// <param name="key">What failed: of the same key and reason one is written at once, and the others of the minute are counted.</param>
    /// <param name="claimed">Whose token, client or account it was; null when that is not known.</param>
    public async Task RecordAsync(string key, Caller? claimed, string reason, RequestOrigin origin, CancellationToken ct)
    {
        Failed.Add(1, new KeyValuePair<string, object?>("reason", reason));
        var now = clock.GetUtcNow();
        if (!IsFirst(key, claimed, reason, origin, now))
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        Write(
            tx, claimed, origin, now,
            claimed is null ? "Somebody unknown failed to authenticate." : $"An authentication as {claimed.DisplayName} failed.",
            new { reason, count = 1 });
        await tx.CommitAsync();
    }

    /// <summary>Writes the counts of the minutes that are over. When that fails they are written the next time.</summary>
    public async Task WriteCountsAsync(DateTimeOffset now, CancellationToken ct)
    {
        Alike[] over;
        lock (_gate)
        {
            foreach (var (key, alike) in _open.Where(pair => pair.Value.Since + Window <= now).ToArray())
            {
                Close(key, alike);
            }

            over = [.. _over];
        }

        if (over.Length == 0)
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        foreach (var alike in over)
        {
            var times = alike.Count == 1 ? "once more" : $"{alike.Count} more times";
            tx.FollowTrace(alike.TraceParent);
            Write(
                tx, alike.Claimed, alike.Origin, now,
                alike.Claimed is { } claimed
                    ? $"An authentication as {claimed.DisplayName} failed {times} within a minute."
                    : $"Somebody unknown failed to authenticate {times} within a minute.",
                new { alike.Reason, alike.Count, alike.Since, alike.Until });
        }

        await tx.CommitAsync();
        lock (_gate)
        {
            _over.RemoveRange(0, over.Length);
        }
    }

    private static void Write(Tx tx, Caller? claimed, RequestOrigin origin, DateTimeOffset now, string message, object meta) =>
        tx.Audit(
            claimed ?? Caller.OfSystem(Service, null, origin), now, "authentication_failure",
            new AuditTarget(claimed?.SubjectId.ToString() ?? "", claimed?.Email, claimed?.SubjectType ?? "unknown"), message, meta);

    private bool IsFirst(string key, Caller? claimed, string reason, RequestOrigin origin, DateTimeOffset now)
    {
        lock (_gate)
        {
            var full = claimed is null && _unknown >= MaxUnknown && !_open.ContainsKey($"{key} {reason}");
            var name = full ? $"others {reason}" : $"{key} {reason}";
            if (_open.TryGetValue(name, out var alike))
            {
                if (now < alike.Since + Window)
                {
                    alike.Count++;
                    alike.Until = now;
                    return false;
                }

                Close(name, alike);
            }

            _open[name] = new(claimed, reason, origin, now);
            _unknown += claimed is null ? 1 : 0;
            return true;
        }
    }

    private void Close(string name, Alike alike)
    {
        _open.Remove(name);
        _unknown -= alike.Claimed is null ? 1 : 0;
        if (alike.Count > 0)
        {
            _over.Add(alike);
        }
    }

    /// <summary>Failures of one key and reason in a minute; <see cref="Count"/> is of those behind the first.</summary>
    private sealed class Alike(Caller? claimed, string reason, RequestOrigin origin, DateTimeOffset since)
    {
        public Caller? Claimed { get; } = claimed;

        public string Reason { get; } = reason;

        public RequestOrigin Origin { get; } = origin;

        /// <summary>That of the first.</summary>
        public string? TraceParent { get; } = Activity.Current?.Id;

        public DateTimeOffset Since { get; } = since;

        public DateTimeOffset Until { get; set; } = since;

        public int Count { get; set; }
    }
}
