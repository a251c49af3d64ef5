namespace EnvPlatform.LocalServers;

/// <summary>Whether the platform became ready, or why it could not start.</summary>
public sealed class StartOutcome
{
    private volatile bool _isReady;

    /// <summary>True once everything has been ready; it stays so.</summary>
    public bool IsReady => _isReady;

    /// <summary>Why the start failed; null when it did not.</summary>
    public string? Failure { get; private set; }

    public void Ready() => _isReady = true;

    /// <summary>Stores the first failure, and reports it.</summary>
    public async Task FailAsync(string failure)
    {
        if (Failure is null)
        {
            Failure = failure;
            await Console.Error.WriteLineAsync(failure);
        }
    }
}
