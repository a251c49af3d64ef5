using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// Decides by the facts alone: the strictest of all rules that hold, and a status that a person set before all of them. A rule that cannot
/// be decided, because a fact is not known, warns and says what is not known: it never blocks, and never passes in silence.
/// </summary>
internal static class Evaluator
{
    /// <param name="policies">All that apply to the environment.</param>
    /// <param name="manual">What a person set; null where nobody did.</param>
    public static Decision Decide(
        IEnumerable<PolicyDocument> policies, EnvironmentFacts environment, EnvironmentStatus? manual, DateTimeOffset now)
    {
        var (enforced, observed, excepted) = (new List<Reason>(), new List<Reason>(), new List<Reason>());
        DateTimeOffset? next = null;
        foreach (var policy in policies.Where(policy => policy.IsEnabled))
        {
            foreach (var rule in policy.Rules)
            {
                var look = new RuleLook(policy, rule, environment, now);
                if (look.Decide() is { } reason)
                {
                    (policy.IsObserved ? observed : enforced).Add(reason);
                }

                excepted.AddRange(look.Excepted);
                next = Moments.Earlier(next, look.NextAt);
            }
        }

        var status = enforced.Count == 0 ? EnvironmentStatus.Ok : enforced.Max(reason => reason.Status);
        return new(
            manual ?? status, manual is not null, Ordered(enforced), Ordered(observed), Ordered(excepted), next,
            environment.Packages?.Count(package => package.Coverage is "not_checked") ?? 0);
    }

    private static Reason[] Ordered(List<Reason> reasons) =>
    [
        .. reasons.OrderByDescending(reason => reason.Status)
            .ThenBy(reason => reason.Deadline ?? DateTimeOffset.MaxValue)
            .ThenBy(reason => reason.Rule.Policy, StringComparer.Ordinal)
            .ThenBy(reason => reason.Rule.Rule, StringComparer.Ordinal),
    ];
}
