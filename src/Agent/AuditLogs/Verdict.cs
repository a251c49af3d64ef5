namespace EnvPlatform.Agent.AuditLogs;

/// <summary>What a verification found.</summary>
/// <param name="Signed">The checkpoint that everything was compared with; null where none can be trusted.</param>
/// <param name="Events">How many events were looked at.</param>
internal sealed record Verdict(SignedCheckpoint? Signed, long Events, IReadOnlyList<LogProblem> Problems);
