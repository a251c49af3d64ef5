using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Policy.Statuses;

/// <summary>An environment and its status, as stored: what a person set, and what policies decided.</summary>
/// <param name="Status">What a person set; it means nothing where <paramref name="SetBy"/> is null.</param>
/// <param name="SetBy">Null where no person decides, but policies do.</param>
/// <param name="Policy">The policy that decides where no person does; null for none.</param>
/// <param name="Version">Of both together.</param>
internal sealed record StatusRow(
    EnvironmentId EnvironmentId, MachineId? MachineId, string? Prefix, string? Name, SubjectId? Owner, EnvironmentStatus Status,
    string? Message, SubjectId? SetBy, DateTimeOffset? SetAt, long Version, bool Removed, EnvironmentStatus PolicyStatus,
    string? PolicyMessage, string? Policy, DateTimeOffset? Deadline)
{
    /// <summary>The rows of <c>environment_status s</c>, as a query goes on with its condition.</summary>
    public const string Select =
        """
        select s.environment_id, s.machine_id, s.prefix, s.name, s.owner, s.status, s.message, s.set_by, s.set_at,
            s.version + coalesce(d.version, 0) as version, s.removed, coalesce(d.status, 'ok') as policy_status,
            d.message as policy_message, d.policy, d.deadline
        from environment_status s left join environment_decisions d using (org_id, environment_id)
        """;

    public bool IsManual => SetBy is not null;

    /// <summary>The status that holds.</summary>
    public EnvironmentStatus Effective => IsManual ? Status : PolicyStatus;

    public string? EffectiveMessage => IsManual ? Message : PolicyMessage;

    public StatusView ToView() => new(
        EnvironmentId, Effective, EffectiveMessage, SetBy, IsManual ? SetAt : null, IsManual ? null : Policy, IsManual ? null : Deadline);
}

/// <summary>The status of an environment.</summary>
/// <param name="SetBy">Null where no person set it: then policies decide.</param>
/// <param name="Policy">The policy that decides; null where a person does, and where no policy has anything against it.</param>
/// <param name="Deadline">From when on the policy blocks it, where it warns for the time being.</param>
public sealed record StatusView(
    EnvironmentId EnvironmentId, EnvironmentStatus Status, string? Message, SubjectId? SetBy, DateTimeOffset? SetAt, string? Policy,
    DateTimeOffset? Deadline);
