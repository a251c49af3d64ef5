using EnvPlatform.Contracts;

namespace EnvPlatform.Policy.Activations;

/// <summary>Whether an environment may be activated, by what is known of it. A manual status takes precedence.</summary>
internal static class ActivationDecision
{
    /// <param name="facts">Null for a place where no environment is known.</param>
    public static ActivationAnswer Decide(ActivationFacts? facts) => facts switch
    {
        null => ActivationAnswer.Unknown,
        { Manual: EnvironmentStatus.Block } => ByHand(ActivationStatus.Block, facts),
        { Manual: EnvironmentStatus.Warn } => ByHand(ActivationStatus.Warn, facts),
        _ => new(ActivationStatus.Ok, null, facts.EnvironmentId, []) { Owner = facts.Owner },
    };

    private static ActivationAnswer ByHand(ActivationStatus status, ActivationFacts facts) =>
        new(status, facts.Message, facts.EnvironmentId, [new("manual", facts.Message ?? "", facts.SetAt)]) { Owner = facts.Owner };
}
