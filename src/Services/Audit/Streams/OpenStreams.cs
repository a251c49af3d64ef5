using System.Collections.Concurrent;

using EnvPlatform.Contracts.Ids;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Audit.Streams;

/// <summary>How many streams each organization has open at this instance.</summary>
internal sealed class OpenStreams(IOptions<AuditOptions> options)
{
    private readonly ConcurrentDictionary<OrganizationId, int> _open = new();

    /// <returns>False when it has as many as it may.</returns>
    public bool TryOpen(OrganizationId organization)
    {
        if (_open.AddOrUpdate(organization, 1, (_, open) => open + 1) <= options.Value.StreamsPerOrganization)
        {
            return true;
        }

        Close(organization);
        return false;
    }

    public void Close(OrganizationId organization)
    {
        if (_open.AddOrUpdate(organization, 0, (_, open) => open - 1) == 0)
        {
            _open.TryRemove(new(organization, 0));
        }
    }
}
