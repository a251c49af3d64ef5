using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Policy.Statuses;

/// <summary>An environment and its status, as stored.</summary>
internal sealed record StatusRow(
    EnvironmentId EnvironmentId, MachineId? MachineId, string? Prefix, string? Name, SubjectId? Owner, EnvironmentStatus Status,
    string? Message, SubjectId? SetBy, DateTimeOffset? SetAt, long Version, bool Removed)
{
    public StatusView ToView() => new(EnvironmentId, Status, Message, SetBy, SetAt);
}

/// <summary>The status of an environment. <paramref name="SetBy"/> and <paramref name="SetAt"/> are null when it was never set.</summary>
public sealed record StatusView(
    EnvironmentId EnvironmentId, EnvironmentStatus Status, string? Message, SubjectId? SetBy, DateTimeOffset? SetAt);
