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
    public Task RecordAsync(string key, Caller? claimed, string reason, RequestOrigin origin, CancellationToken ct) =>
        RecordAsync(new Kind(claimed, reason, origin, IsStepUp: false), key, ct);

    /// <summary>Whoever is signed in failed to give its password again: the session may be in another's hands.</summary>
    public Task RecordStepUpAsync(Caller caller, string reason, RequestOrigin origin, CancellationToken ct) =>
        RecordAsync(new Kind(caller, reason, origin, IsStepUp: true), $"session {caller.TokenId}", ct);

    private async Task RecordAsync(Kind kind, string key, CancellationToken ct)
    {
        Failed.Add(1, new KeyValuePair<string, object?>("reason", kind.Reason));
        var now = clock.GetUtcNow();
        if (!IsFirst(kind, key, now))
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        Write(tx, kind, now, "", 1, null, null);
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
            Write(tx, alike.Kind, now, $" {times} within a minute", alike.Count, alike.Since, alike.Until);
        }

        await tx.CommitAsync();
        lock (_gate)
        {
            _over.RemoveRange(0, over.Length);
        }
    }

    /// <param name="times">How often, behind the verb; empty for once.</param>
    private static void Write(
        Tx tx, Kind kind, DateTimeOffset now, string times, int count, DateTimeOffset? since, DateTimeOffset? until)
    {
        var caller = kind.Claimed ?? Caller.OfSystem(Service, null, kind.Origin);
        var target = new AuditTarget(
            kind.Claimed?.SubjectId.ToString() ?? "", kind.Claimed?.Email, kind.Claimed?.SubjectType ?? "unknown");
        if (kind.IsStepUp)
        {
            tx.Audit(
                caller, now, "step_up_failed", target,
                $"{caller.DisplayName} is signed in and failed to give its password again{times}.",
                since is null ? (object)new { kind.Reason, count, session_id = caller.TokenId }
                    : new { kind.Reason, count, since, until, session_id = caller.TokenId });
            return;
        }

        tx.Audit(
            caller, now, "authentication_failure", target,
            kind.Claimed is null
                ? $"Somebody unknown failed to authenticate{times}."
                : $"An authentication as {caller.DisplayName} failed{times}.",
            since is null ? (object)new { kind.Reason, count } : new { kind.Reason, count, since, until });
    }

    private bool IsFirst(Kind kind, string key, DateTimeOffset now)
    {
        lock (_gate)
        {
            var full = kind.Claimed is null && _unknown >= MaxUnknown && !_open.ContainsKey($"{key} {kind.Reason}");
            var name = full ? $"others {kind.Reason}" : $"{key} {kind.Reason}";
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

            _open[name] = new(kind, now);
            _unknown += kind.Claimed is null ? 1 : 0;
            return true;
        }
    }

    private void Close(string name, Alike alike)
    {
        _open.Remove(name);
        _unknown -= alike.Kind.Claimed is null ? 1 : 0;
        if (alike.Count > 0)
        {
            _over.Add(alike);
        }
    }

    /// <param name="IsStepUp">Whoever is signed in was asked for its password again; otherwise somebody signs in.</param>
    private sealed record Kind(Caller? Claimed, string Reason, RequestOrigin Origin, bool IsStepUp);

    /// <summary>Failures of one key and reason in a minute; <see cref="Count"/> is of those behind the first.</summary>
    private sealed class Alike(Kind kind, DateTimeOffset since)
    {
        public Kind Kind { get; } = kind;

        /// <summary>That of the first.</summary>
        public string? TraceParent { get; } = Activity.Current?.Id;

        public DateTimeOffset Since { get; } = since;

        public DateTimeOffset Until { get; set; } = since;

        public int Count { get; set; }
    }
}
