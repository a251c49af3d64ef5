using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What is to be stored of a decision.</summary>
internal sealed record DecisionOutcome(
    EnvironmentId Id, EnvironmentStatus Status, string? Message, Guid? PolicyId, string? Policy, string? Rule, DateTimeOffset? Deadline,
    DateTimeOffset? NextAt, long? PackageSetId, DateTimeOffset? SetSince, string? Clocks, string? Holds)
{
    /// <summary>What PostgreSQL can tell apart and every program can read.</summary>
    private static readonly DateTimeOffset Latest = new(9999, 12, 31, 0, 0, 0, TimeSpan.Zero);

    /// <returns>Null where there is nothing to store: no policy applies, and none ever did.</returns>
    public static DecisionOutcome? Of(FleetDecision decision, DateTimeOffset now)
    {
        var environment = decision.Environment;
        if (decision.Rules.Count == 0 && environment.Stored is null)
        {
            return null;
        }

        var top = decision.Top;
        Dictionary<string, DateTimeOffset>? holds = null;
        foreach (var verdict in decision.Verdicts.Where(verdict => verdict.Holds && verdict.Rule.Rule.Grace is not null))
        {
            var (policy, rule) = (verdict.Rule.Policy, verdict.Rule.Rule);
            (holds ??= new(StringComparer.Ordinal))[FleetEnvironment.HoldKey(policy, rule)] = environment.HeldSince(policy, rule) ?? now;
        }

        return new(
            environment.Id, decision.Status, top?.MessageFor(environment), top?.Rule.Policy.Id, top?.Rule.Policy.Document.Name,
            top?.Rule.Rule.Name, Stored(top?.Deadline), Stored(decision.NextAt),
            environment.Set?.Id, environment.Set is null ? null : environment.SetSince, environment.Clocks?.ToString(),
            holds is null ? null : JsonSerializer.Serialize(holds, Json.Options));
    }

    /// <summary>Whether it is what was stored before.</summary>
    public bool IsSameAs(StoredDecision? stored) =>
        stored is not null && Status == stored.Status && Message == stored.Message && PolicyId == stored.PolicyId && Rule == stored.Rule
        && Deadline == stored.Deadline && NextAt == stored.NextAt && PackageSetId == stored.PackageSetId && SetSince == stored.SetSince
        && Clocks == stored.Clocks && Holds == stored.Holds;

    // PostgreSQL counts in microseconds: never earlier than it is, or it would be too early to decide anew.
    private static DateTimeOffset? Stored(DateTimeOffset? moment) => moment is not { } at ? null
        : at >= Latest ? Latest
        : at.AddTicks((TimeSpan.TicksPerMicrosecond - (at.Ticks % TimeSpan.TicksPerMicrosecond)) % TimeSpan.TicksPerMicrosecond);
}
