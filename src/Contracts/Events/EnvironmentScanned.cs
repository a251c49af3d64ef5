using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// Package sets were matched for an organization, and the environments named here (at most 500 an event, of at most 500 sets) hold them.
/// Published by Scanner when an environment comes to a set and when a count or maximum of a set changes, for all organizations or by a
/// curation for one; consumed by Ingest (the list) and Policy (what a decision stands on). An import that changes every set is hundreds of
/// events and not one for each set.
/// </summary>
public sealed record EnvironmentScanned(OrganizationId OrganizationId, IReadOnlyList<ScannedSet> Sets)
{
    /// <summary>Environments, and sets, at most that one event names.</summary>
    public const int Most = 500;
}
