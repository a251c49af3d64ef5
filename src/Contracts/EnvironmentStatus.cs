namespace EnvPlatform.Contracts;

/// <summary>The status that an administrator, or a policy, gives an environment; enforced when a member activates it.</summary>
public enum EnvironmentStatus
{
    /// <summary>May be used.</summary>
    Ok,

    /// <summary>May be used; the member sees the message.</summary>
    Warn,

    /// <summary>Must not be activated; the member sees the message.</summary>
    Block,
}
