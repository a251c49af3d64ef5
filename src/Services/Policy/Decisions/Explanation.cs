using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>The decision on one environment as it is at this moment, with its reasons, from the same facts as the stored one.</summary>
/// <param name="Policies">The ids of the policies, by name.</param>
internal sealed record Explanation(Decision Decision, FleetEnvironment Environment, IReadOnlyDictionary<string, Guid> Policies)
{
    /// <summary>Null where the environment is not known.</summary>
    public static async Task<Explanation?> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, EnvironmentId id, DateTimeOffset now, CancellationToken ct)
    {
        var facts = await FleetReader.ReadAsync(db, organization, FleetScope.Of(id), null, now, ct);
        if (facts.Environments.SingleOrDefault() is not { } environment)
        {
            return null;
        }

        return new(
            Of(facts, environment, now), environment,
            facts.Policies.ToDictionary(policy => policy.Document.Name, policy => policy.Id, StringComparer.Ordinal));
    }

    public static Decision Of(FleetFacts facts, FleetEnvironment environment, DateTimeOffset now) => Evaluator.Decide(
        FleetFacts.PoliciesOf(facts.Policies, environment.Owner).Select(policy => policy.Document), facts.Of(environment),
        environment.Manual, now);
}
