namespace EnvPlatform.Agent;

/// <summary>
/// What went wrong and what to do about it, in a sentence for the user; it ends the run with an exit code and without a stack trace.
/// </summary>
internal class AgentException(string message, int exitCode = ExitCodes.CouldNot) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>The agent's exit codes; documented in <c>docs/agent.md</c>.</summary>
internal static class ExitCodes
{
    public const int Fine = 0;

    /// <summary>There are findings, or the environment is blocked.</summary>
    public const int Found = 1;

    /// <summary>The question could not be answered: no platform, no permission, nothing to read.</summary>
    public const int CouldNot = 2;

    /// <summary>The command line or a setting is invalid (EX_USAGE of sysexits.h).</summary>
    public const int Usage = 64;
}
