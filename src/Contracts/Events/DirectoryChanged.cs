using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// Something changed in the people, groups or channels of an organization; what, is asked of Identity's <c>Directories</c>. Published by
/// Identity, once for each transaction, by a trigger of its database; consumed by Policy.
/// </summary>
/// <remarks>
/// It says no more, so that it cannot come too late, twice or in the wrong order: a group of 10,000 members is told by those who came and
/// went, and whoever missed an event catches up with the next.
/// </remarks>
/// <param name="Version">Of the transaction, by Identity's database. Whoever has read the directory beyond it has this change.</param>
[Event(PublishedBy = ["identity"], ConsumedBy = ["policy"])]
public sealed record DirectoryChanged(OrganizationId OrganizationId, long Version);
