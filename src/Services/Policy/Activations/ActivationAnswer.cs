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
/// One reason for the answer. <paramref name="Kind"/> is <c>manual</c> for a status that an administrator set, <c>disabled</c> where the
/// organization manages no environments, <c>enforcement_paused</c> where a block stops nobody for a while.
/// </summary>
public sealed record ActivationReason(string Kind, string Message, DateTimeOffset? Since);

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
