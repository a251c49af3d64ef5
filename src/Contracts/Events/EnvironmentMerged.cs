using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// Two environments turned out to be one folder, written in two ways: <paramref name="EnvironmentId"/> was removed and what holds for it
/// holds for <paramref name="Into"/> from now on. Published by Ingest, beside <see cref="EnvironmentRemoved"/>; consumed by Policy (the
/// stricter status counts).
/// </summary>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["policy"])]
public sealed record EnvironmentMerged(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, EnvironmentId Into, DateTimeOffset MergedAt);
