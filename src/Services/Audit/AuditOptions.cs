using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Audit;

/// <summary>Settings of the audit service.</summary>
public sealed class AuditOptions
{
    public const string Section = "Audit";

    /// <summary>
    /// Seconds after which a stream ends and its subscriber connects again with its position: whoever lost the right to read loses the
    /// stream with it.
    /// </summary>
    [Range(1, 3_600)]
    public int StreamSeconds { get; set; } = 60;

    /// <summary>Streams that an organization may have open at an instance.</summary>
    [Range(1, 10_000)]
    public int StreamsPerOrganization { get; set; } = 20;

    /// <summary>Seconds without an event after which a stream tells its position, so that proxies keep it open.</summary>
    [Range(1, 60)]
    public int HeartbeatSeconds { get; set; } = 15;
}
