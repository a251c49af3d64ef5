using EnvPlatform.Contracts;
using EnvPlatform.Policy.Decisions;

namespace EnvPlatform.Policy.Activations;

/// <summary>Whether an environment may be activated, by what is known of it. What a person set comes before all policies.</summary>
internal static class ActivationDecision
{
    /// <param name="facts">Null for a place where no environment is known.</param>
    /// <param name="decision">What policies decide, with reasons; null where they have nothing against it.</param>
    public static ActivationAnswer Decide(ActivationFacts? facts, Decision? decision = null) => facts switch
    {
        null => ActivationAnswer.Unknown,
        { Manual: EnvironmentStatus.Block } => ByHand(ActivationStatus.Block, facts),
        { Manual: EnvironmentStatus.Warn } => ByHand(ActivationStatus.Warn, facts),
        { Manual: null } when decision is { Reasons: [var first, ..] } => ByPolicies(facts, decision, first),
        _ => new(ActivationStatus.Ok, null, facts.EnvironmentId, []) { Owner = facts.Owner, NextAt = decision?.NextAt ?? facts.NextAt },
    };

    private static ActivationAnswer ByHand(ActivationStatus status, ActivationFacts facts) =>
        new(status, facts.Message, facts.EnvironmentId, [new("manual", facts.Message ?? "", facts.SetAt)]) { Owner = facts.Owner };

    private static ActivationAnswer ByPolicies(ActivationFacts facts, Decision decision, Reason first) =>
        new(Of(decision.Status), first.Message, facts.EnvironmentId, [.. decision.Reasons.Select(reason => Of(reason, facts))])
        {
            Owner = facts.Owner,
            NextAt = decision.NextAt,
        };

    private static ActivationReason Of(Reason reason, ActivationFacts facts)
    {
        var findings = reason.Matches.Where(match => match.Package is not null).ToArray();
        var fixes = findings.Select(match => match.Fix).OfType<string>().Distinct(StringComparer.Ordinal).Take(3).ToArray();
        return new("policy", reason.Message, reason.Matches.Min(match => match.Since))
        {
            Status = Of(reason.Status),
            Policy = reason.Rule.Policy,
            Rule = reason.Rule.Rule,
            Findings = findings.Length == 0 ? null : [.. findings.Take(ActivationReason.MostFindings).Select(match => new ActivationFinding(
                match.Vulnerability, match.Package, match.Version, match.Fix, match.Since, match.Deadline))],
            MoreFindings = findings.Length > ActivationReason.MostFindings ? findings.Length - ActivationReason.MostFindings : null,
            Unknown = reason.Unknown.Count == 0 ? null : reason.Unknown,
            Deadline = reason.Deadline,
            Fix = fixes.Length == 0 ? null : string.Join(", ", fixes),
        };
    }

    private static ActivationStatus Of(EnvironmentStatus status) => status switch
    {
        EnvironmentStatus.Block => ActivationStatus.Block,
        EnvironmentStatus.Warn => ActivationStatus.Warn,
        _ => ActivationStatus.Ok,
    };
}
