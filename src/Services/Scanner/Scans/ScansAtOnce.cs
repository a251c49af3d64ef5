using System.Threading.RateLimiting;

using EnvPlatform.Contracts.Ids;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Scans;

/// <summary>How many lists of packages this instance scans for one organization at a time: each holds its answer in memory.</summary>
internal sealed class ScansAtOnce(IOptions<ScannerOptions> options) : IDisposable
{
    private readonly PartitionedRateLimiter<OrganizationId> _limiter = PartitionedRateLimiter.Create<OrganizationId, OrganizationId>(
        organization => RateLimitPartition.GetConcurrencyLimiter(
            organization, _ => new() { PermitLimit = options.Value.MaxScansAtOnce, QueueLimit = 0 }));

    /// <summary>To be disposed when the answer is there; not acquired where as many are under way as may be.</summary>
    public RateLimitLease Begin(OrganizationId organization) => _limiter.AttemptAcquire(organization);

    public void Dispose() => _limiter.Dispose();
}
