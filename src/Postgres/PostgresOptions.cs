using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Postgres;

/// <summary>Settings of the database access, section <c>Postgres</c>.</summary>
public sealed class PostgresOptions
{
    public const string Section = "Postgres";

    /// <summary>Maximum number of connections of one process.</summary>
    [Range(2, 1_000)]
    public int MaxPoolSize { get; set; } = 40;

    /// <summary>Maximum number of messages that the relay publishes before it waits for the broker's confirms.</summary>
    [Range(1, 10_000)]
    public int RelayBatch { get; set; } = 500;

    /// <summary>Seconds that one relay batch may take before its rows are left for the next try.</summary>
    [Range(1, 600)]
    public int RelayTimeoutSeconds { get; set; } = 15;

    /// <summary>Seconds between polls of the outbox when no notification arrives.</summary>
    [Range(1, 600)]
    public int RelayPollSeconds { get; set; } = 5;

    /// <summary>Days for which handled message ids are kept.</summary>
    [Range(1, 365)]
    public int InboxDays { get; set; } = 14;

    /// <summary>Hours for which an Idempotency-Key is kept.</summary>
    [Range(1, 8_760)]
    public int IdempotencyHours { get; set; } = 48;

    /// <summary>
    /// Seconds in which refusals of the same caller, organization, action and operation are one event of the audit log with their count,
    /// behind a first one that is written at once.
    /// </summary>
    [Range(1, 3_600)]
    public int RefusalSeconds { get; set; } = 60;
}
