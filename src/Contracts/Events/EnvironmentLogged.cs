using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// An environment was logged for the first time (<paramref name="Created"/>), or its packages or its owner changed. Not published for a log
/// that changes nothing. Published by Ingest; consumed by Scanner (scan the package set) and Policy (activation checks).
/// </summary>
/// <param name="Owner">The user or service account that logged it first, or got its machine since.</param>
/// <param name="PackageSetId">Ingest's id of the package set, to be fetched by <c>PackageSets.GetPackageSet</c>.</param>
/// <param name="Digest">The content address of the package set, <c>sha256:...</c>.</param>
/// <param name="Version">
/// 1 for the first log of the environment, then one more with each change of the environment; used to drop stale events.
/// </param>
[Event(PublishedBy = ["ingest"], ConsumedBy = ["scanner", "policy"])]
public sealed record EnvironmentLogged(
    OrganizationId OrganizationId, EnvironmentId EnvironmentId, MachineId MachineId, SubjectId Owner, string Prefix, string Name,
    string Platform, long PackageSetId, string Digest, int PackageCount, bool Created, long Version, DateTimeOffset LoggedAt);
