using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Policy;

/// <summary>Settings of the policy service, section <c>Policy</c>.</summary>
public sealed class PolicyOptions
{
    public const string Section = "Policy";

    /// <summary>Maximum seconds for which an activation answer may be cached, even if every invalidation is lost.</summary>
    [Range(1, 3_600)]
    public int AnswerSeconds { get; set; } = 30;

    /// <summary>Seconds for which "no such environment" may be cached; its log may be on the way.</summary>
    [Range(0, 60)]
    public int UnknownSeconds { get; set; } = 2;

    /// <summary>Maximum number of activation answers that one process keeps in memory.</summary>
    [Range(2, 10_000_000)]
    public int AnswersInMemory { get; set; } = 100_000;

    /// <summary>Milliseconds that an activation check waits for Redis before it asks PostgreSQL.</summary>
    [Range(1, 10_000)]
    public int RedisTimeoutMilliseconds { get; set; } = 100;

    /// <summary>Seconds that a call to the ingest service may take.</summary>
    [Range(1, 60)]
    public int IngestTimeoutSeconds { get; set; } = 5;

    /// <summary>Seconds that a call to the identity service may take: a page of people, groups and channels.</summary>
    [Range(1, 60)]
    public int IdentityTimeoutSeconds { get; set; } = 10;

    /// <summary>Seconds between two looks at which organizations' people, groups and channels changed, in case an event is lost.</summary>
    [Range(1, 86_400)]
    public int DirectoriesSeconds { get; set; } = 60;

    /// <summary>How many decisions are written in one transaction; activations of their environments wait for it.</summary>
    [Range(1, 100_000)]
    public int DecisionsAtOnce { get; set; } = 5_000;

    /// <summary>Days within which an exception must end, from its request or its grant.</summary>
    [Range(1, 3_650)]
    public int ExceptionDays { get; set; } = 180;
}
