using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>A checkpoint that a trusted key signed.</summary>
/// <param name="SignedAt">Null where the signature has no time.</param>
internal sealed record SignedCheckpoint(Checkpoint Checkpoint, DateTimeOffset? SignedAt, string Note)
{
    /// <summary>Null where no trusted key signed it in its time, which is added to the problems.</summary>
    public static SignedCheckpoint? Verify(string text, IReadOnlyList<TrustedKey> keys, List<LogProblem> problems)
    {
        if (SignedNote.Parse(text) is not { } note || Checkpoint.Parse(note.Text) is not { } checkpoint)
        {
            problems.Add(new(ProblemKinds.ForgedCheckpoint, null, "It is no signed checkpoint."));
            return null;
        }

        LogProblem problem = new(
            ProblemKinds.ForgedCheckpoint, null, $"No key that is trusted has signed the checkpoint of {checkpoint.Origin}.");
        foreach (var key in keys.Where(key => key.Key.Name == checkpoint.Origin))
        {
            if (!note.IsSignedBy(key.Key, out var time))
            {
                continue;
            }

            if ((key.From is null && key.Until is null) || (time >= key.From && time < key.Until))
            {
                return new(checkpoint, time, text);
            }

            problem = new(
                ProblemKinds.ExpiredKey, null,
                $"The key {key.Key.Id:x8} was not valid when it signed ({(time is { } at ? $"{at:u}" : "it does not say when")}).");
        }

        problems.Add(problem);
        return null;
    }
}
