using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// An organization that was deleted is past the time in which it could be restored. Published by Identity; consumed by every service that
/// keeps rows of an organization, which deletes them. The audit log stays.
/// </summary>
[Event(PublishedBy = ["identity"], ConsumedBy = ["ingest", "scanner", "policy", "audit"])]
public sealed record OrganizationErased(OrganizationId OrganizationId, DateTimeOffset ErasedAt);
