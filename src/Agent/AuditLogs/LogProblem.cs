namespace EnvPlatform.Agent.AuditLogs;

/// <summary>What is wrong with a log, an export or an event.</summary>
/// <param name="Kind">One of <see cref="ProblemKinds"/>.</param>
/// <param name="Seq">The number of the event; null where it is about no single one.</param>
/// <param name="Message">A sentence.</param>
internal sealed record LogProblem(string Kind, long? Seq, string Message);

/// <summary>The kinds of problems, as in docs/audit-log.md; the verifier in <c>clients/verify</c> has the same.</summary>
internal static class ProblemKinds
{
    public const string Changed = "changed";
    public const string Dropped = "dropped";
    public const string Inserted = "inserted";
    public const string Reordered = "reordered";
    public const string Rewritten = "rewritten";
    public const string RolledBack = "rolled_back";
    public const string SplitView = "split_view";
    public const string ForgedCheckpoint = "forged_checkpoint";
    public const string ExpiredKey = "expired_key";
    public const string StaleCheckpoint = "stale_checkpoint";
    public const string ChangedFile = "changed_file";
    public const string ChangedManifest = "changed_manifest";
    public const string NotIncluded = "not_included";
}
