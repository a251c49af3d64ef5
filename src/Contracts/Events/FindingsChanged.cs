using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// What decisions may depend on of the findings of package sets changed, whether a count changed with it or not: a score, a probability, an
/// alias, a fix, a verdict of an organization. Published by Scanner, in the transaction of the change; consumed by Policy, which asks
/// Scanner for what it is now. Late or twice it does no harm.
/// </summary>
/// <param name="OrganizationId">The organization whose verdicts changed; null: the advisories changed, for all of them.</param>
/// <param name="PackageSetIds">The sets that hold such findings, at most <see cref="Most"/> an event; null: any set may.</param>
[Event(PublishedBy = ["scanner"], ConsumedBy = ["policy"])]
public sealed record FindingsChanged(OrganizationId? OrganizationId, IReadOnlyList<long>? PackageSetIds)
{
    /// <summary>Maximum number of sets in one event.</summary>
    public const int Most = 1_000;
}
