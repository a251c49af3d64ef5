using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// Package sets were matched for an organization, and the environments named here (at most 500 an event, of at most 500 sets) hold them.
/// Published by Scanner when an environment gets a set and when a count or maximum of a set changes, for all organizations or by a curation
/// for one; consumed by Ingest (the list) and Policy (facts for decisions). An import that changes every set is hundreds of events, not one
/// for each set.
/// </summary>
[Event(PublishedBy = ["scanner"], ConsumedBy = ["ingest", "policy"])]
public sealed record EnvironmentScanned(OrganizationId OrganizationId, IReadOnlyList<ScannedSet> Sets)
{
    /// <summary>Maximum number of environments, and of sets, in one event.</summary>
    public const int Most = 500;
}
