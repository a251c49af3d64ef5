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

    /// <summary>Exports of an organization that may be unfinished at a time.</summary>
    [Range(1, 1_000)]
    public int OpenExports { get; set; } = 3;

    /// <summary>Exports of an organization that are kept, finished or not.</summary>
    [Range(1, 10_000)]
    public int KeptExports { get; set; } = 100;

    /// <summary>Hours for which an export is kept.</summary>
    [Range(1, 8_760)]
    public int ExportHours { get; set; } = 24;

    /// <summary>
    /// How checkpoints and keys name this platform's logs: <c>NAME/ORGANIZATION</c>. Best its address without https://, which no other
    /// platform has; verifiers remember it, so never change it.
    /// </summary>
    [Required]
    [RegularExpression(@"[^\s+]+")]
    public string LogName { get; set; } = "envplatform";

    /// <summary>Days for which a key signs checkpoints.</summary>
    [Range(1, 3_650)]
    public int SigningKeyDays { get; set; } = 365;

    /// <summary>Days before a key's end from which the next one signs as well; fewer than those for which it signs.</summary>
    [Range(0, 365)]
    public int SigningKeyOverlapDays { get; set; } = 30;

    /// <summary>
    /// Networks, in CIDR notation, in which receivers of logs may be although they are not public; there also without TLS. All others must
    /// have a public address and TLS.
    /// </summary>
    public IReadOnlyList<string> PrivateReceivers { get; set; } = [];

    /// <summary>Receivers that an organization may have.</summary>
    [Range(1, 1_000)]
    public int SinksPerOrganization { get; set; } = 10;

    /// <summary>Receivers that an instance sends to at the same time.</summary>
    [Range(1, 10_000)]
    public int SinksAtOnce { get; set; } = 200;

    /// <summary>Hours without success after which nothing more is sent to a receiver until somebody resumes it.</summary>
    [Range(1, 8_760)]
    public int SinkStopHours { get; set; } = 72;

    /// <summary>Seconds between the first two attempts to reach a receiver; each further pause is twice as long.</summary>
    [Range(0.01, 60)]
    public double SinkRetrySeconds { get; set; } = 1;

    /// <summary>Seconds between two attempts at most.</summary>
    [Range(1, 86_400)]
    public int SinkMaxRetrySeconds { get; set; } = 600;

    /// <summary>Seconds that a receiver may take to answer.</summary>
    [Range(1, 300)]
    public int SinkTimeoutSeconds { get; set; } = 15;
}
