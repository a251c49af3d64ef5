namespace EnvPlatform.ServiceDefaults.Refusals;

/// <summary>Refusals of one caller, organization, action and operation since they were last taken.</summary>
/// <param name="Count">How many; <paramref name="First"/> and <paramref name="Last"/> are the same one when there is one.</param>
public sealed record RefusalCount(Refusal First, Refusal Last, long Count);
