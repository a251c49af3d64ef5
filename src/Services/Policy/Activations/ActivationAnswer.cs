using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Policy.Activations;

/// <summary>Whether an environment may be activated. <see cref="Unknown"/>: nothing has been logged from there yet.</summary>
public enum ActivationStatus
{
    Ok,
    Warn,
    Block,
    Unknown,
}

/// <summary>
/// One reason for the answer. <paramref name="Kind"/> is <c>manual</c> for a status that an administrator set, <c>policy</c> for what a
/// rule of a policy says, <c>disabled</c> where the organization manages no environments, <c>enforcement_paused</c> where a block stops
/// nobody for a while.
/// </summary>
/// <param name="Since">When it was set, or since when what the rule matches is there; null where that is not known.</param>
public sealed record ActivationReason(string Kind, string Message, DateTimeOffset? Since)
{
    /// <summary>How many findings a reason names at most.</summary>
    public const int MostFindings = 20;

    /// <summary>What the rule by itself decides.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ActivationStatus? Status { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Policy { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Rule { get; init; }

    /// <summary>The strictest of what the rule matches, at most <see cref="MostFindings"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ActivationFinding>? Findings { get; init; }

    /// <summary>How many more there are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MoreFindings { get; init; }

    /// <summary>What is not known, wherefore the rule warns: sentences.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Unknown { get; init; }

    /// <summary>From when on it blocks.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>What fixes the findings, as far as that is known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Fix { get; init; }
}

/// <summary>What a rule matches.</summary>
/// <param name="Vulnerability">Null for a rule about packages.</param>
public sealed record ActivationFinding(
    string? Vulnerability, string? Package, string? Version, string? Fix, DateTimeOffset? Since, DateTimeOffset? Deadline);

/// <summary>What an activation check answers.</summary>
/// <param name="Message">What the member sees; null when there is nothing to say.</param>
/// <param name="EnvironmentId">Null when the environment is unknown.</param>
public sealed record ActivationAnswer(
    ActivationStatus Status, string? Message, EnvironmentId? EnvironmentId, IReadOnlyList<ActivationReason> Reasons)
{
    private byte[]? _json;

    /// <summary>Whose environment it is: others, unless they administer the organization, are answered <see cref="Unknown"/>.</summary>
    [JsonIgnore]
    public SubjectId? Owner { get; init; }

    public static ActivationAnswer Unknown { get; } = new(ActivationStatus.Unknown, null, null, []);

    /// <summary>When it may be another one by itself; null where it stays.</summary>
    [JsonIgnore]
    public DateTimeOffset? NextAt { get; init; }

    /// <summary>The answer of an organization that manages no environments, whatever it held of this one before.</summary>
    public static ActivationAnswer Disabled { get; } =
        new(ActivationStatus.Ok, null, null, [new("disabled", "The organization has environment management switched off.", null)]);

    /// <summary>The same answer while the organization lets blocks stop nobody.</summary>
    public ActivationAnswer Paused(DateTimeOffset until) => new(
        ActivationStatus.Warn, Message, EnvironmentId,
        [.. Reasons, new("enforcement_paused", $"The block is not enforced until {until.UtcDateTime:yyyy-MM-dd HH:mm} UTC.", null)])
    {
        Owner = Owner,
    };

    /// <summary>The answer as JSON, serialized once, however often it is sent.</summary>
    [JsonIgnore]
    internal byte[] Utf8Json => _json ??= JsonSerializer.SerializeToUtf8Bytes(this, Json.Options);
}
