using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// An organization decided for how long archived environments are kept. Published by Identity; consumed by Ingest, which erases them.
/// </summary>
/// <param name="Days">After being archived and logged for the last time; null: for good.</param>
/// <param name="Version">Of the organization's settings.</param>
[Event(PublishedBy = ["identity"], ConsumedBy = ["ingest"])]
public sealed record ArchiveRetentionChanged(OrganizationId OrganizationId, int? Days, long Version, DateTimeOffset ChangedAt);
