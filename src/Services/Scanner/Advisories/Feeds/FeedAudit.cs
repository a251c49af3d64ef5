using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// The audit events of a feed's sync, in the platform's log, by Scanner itself. A sync whose process died begins again, with another
/// event; it ends with <c>feed_sync_completed</c> when the file is unchanged or imported, or else with <c>feed_sync_failed</c>.
/// </summary>
internal static class FeedAudit
{
    public static void Started(Tx tx, string feed, DateTimeOffset now, int failures) => tx.Audit(
        Caller.OfSystem("scanner", null), now, "feed_sync_started", TargetOf(feed), $"The feed {feed} is looked at.",
        new { failures_before = failures });

    /// <param name="outcome">What became of it, in a word.</param>
    public static void Completed(Tx tx, string feed, DateTimeOffset now, string outcome, object meta) => tx.Audit(
        Caller.OfSystem("scanner", null), now, "feed_sync_completed", TargetOf(feed), $"The feed {feed} is current: {outcome}.", meta);

    /// <param name="failures">In a row, with this one.</param>
    /// <param name="import">The import that failed; null where the file could not be fetched or taken.</param>
    public static void Failed(Tx tx, string feed, DateTimeOffset now, string error, int failures, Guid? import = null) => tx.Audit(
        Caller.OfSystem("scanner", null), now, "feed_sync_failed", TargetOf(feed), $"The feed {feed} could not be synced.",
        new { error, failures, import });

    public static AuditTarget TargetOf(string feed) => new(feed, null, "feed");
}
