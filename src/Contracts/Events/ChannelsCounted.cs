using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// The channels of the conda packages that an organization's environments hold were counted, because these changed. One count is as many
/// events as it needs (<paramref name="Parts"/>); a channel that none of them names is held by no environment. Published by Ingest;
/// consumed by Identity (the list of channels).
/// </summary>
/// <param name="Turn">Grows with each count of the organization; used to drop stale events.</param>
/// <param name="Part">1 to <paramref name="Parts"/>.</param>
/// <param name="Channels">At most <see cref="Most"/>.</param>
/// <param name="CountedAt">The numbers are of this moment.</param>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["identity"])]
public sealed record ChannelsCounted(
    OrganizationId OrganizationId, long Turn, int Part, int Parts, IReadOnlyList<CountedChannel> Channels, DateTimeOffset CountedAt)
{
    /// <summary>Maximum number of channels in one event.</summary>
    public const int Most = 500;
}
