using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What policies would do to the environments of an organization at this moment. Nothing is stored.</summary>
/// <param name="Fleet">All environments of the organization.</param>
/// <param name="Environments">Those to which the policies apply.</param>
/// <param name="Warn">Environments about which at least one rule warns, and that none blocks.</param>
/// <param name="Block">Environments that at least one rule blocks.</param>
/// <param name="InGrace">Of those that are warned about: how many a rule blocks later.</param>
/// <param name="Unknown">Of those that are warned about: where a rule warns because something is not known.</param>
/// <param name="NotDecided">Of those to which the policies apply: whose packages are not known, so that they are waited for.</param>
internal sealed record FleetPreview(
    int Fleet, int Environments, int Warn, int Block, int InGrace, int Unknown, int NotDecided,
    IReadOnlyList<FleetPreview.RuleCounts> Rules, FleetPreview.StatusChanges Changes, DateTimeOffset AsOf)
{
    /// <param name="Examples">The strictest, then by id.</param>
    public sealed record RuleCounts(
        string Policy, string Name, int Warn, int Block, int InGrace, int Unknown, IReadOnlyList<Example> Examples);

    /// <param name="Environment">What the rule says of it.</param>
    public sealed record Example(FleetEnvironment Environment, EnvironmentStatus Status, DateTimeOffset? Deadline);

    /// <summary>Environments by the status that holds today, and the one that would.</summary>
    public sealed record StatusChanges(int OkToWarn, int OkToBlock, int WarnToBlock, int WarnToOk, int BlockToWarn, int BlockToOk);

    /// <summary>What happens when policies become what they would be.</summary>
    /// <param name="policies">
    /// The policies that would change, as they would be, each with all of its assignments; counts are about these. The others of the
    /// organization stay as they are. One that is switched off is looked at as if it were on.
    /// </param>
    public static async Task<FleetPreview> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, IReadOnlyList<FleetPolicy> policies, DateTimeOffset now, CancellationToken ct,
        int examples = 0)
    {
        var changed = policies.Select(policy => policy with { Document = policy.Document with { IsEnabled = true } }).ToArray();
        var ids = changed.Select(policy => policy.Id).ToHashSet();
        var others = (await FleetReader.PoliciesAsync(db, organization, ct)).Where(policy => !ids.Contains(policy.Id));
        var facts = await FleetReader.ReadAsync(db, organization, FleetScope.Everything, [.. others, .. changed], now, ct);
        return Of(facts, changed, now, examples);
    }

    public static FleetPreview Of(FleetFacts facts, IReadOnlyList<FleetPolicy> changed, DateTimeOffset now, int examples)
    {
        var engine = new FleetEngine(facts, now);
        var rules = changed.SelectMany(policy => policy.Document.Rules.Select(rule => new RuleTally(policy, rule.Name, examples)))
            .ToDictionary(tally => (tally.Policy.Id, tally.Name));
        var ids = changed.Select(policy => policy.Id).ToHashSet();
        var (applies, warn, block, inGrace, unknown, notDecided) = (0, 0, 0, 0, 0, 0);
        var changes = new int[3, 3];
        foreach (var environment in facts.Environments)
        {
            var decision = engine.Decide(environment);
            if (environment.Manual is null)
            {
                changes[(int)(environment.Stored?.Status ?? EnvironmentStatus.Ok), (int)decision.Status]++;
            }

            if (!changed.Any(policy => policy.AppliesTo(environment.Owner)))
            {
                continue;
            }

            applies++;
            notDecided += environment.Set is null && environment.AwaitedUntil > now ? 1 : 0;
            var (isWarned, isBlocked, isInGrace, isUnknown) = (false, false, false, false);
            foreach (var verdict in decision.Verdicts)
            {
                if (verdict.Status is not { } status || !ids.Contains(verdict.Rule.Policy.Id))
                {
                    continue;
                }

                rules[(verdict.Rule.Policy.Id, verdict.Rule.Rule.Name)].Add(environment, verdict, status);
                isBlocked |= status == EnvironmentStatus.Block;
                isWarned |= status == EnvironmentStatus.Warn;
                isInGrace |= verdict.Deadline is not null;
                isUnknown |= verdict.IsUnknown && status == EnvironmentStatus.Warn;
            }

            block += isBlocked ? 1 : 0;
            warn += isWarned && !isBlocked ? 1 : 0;
            inGrace += isInGrace && !isBlocked ? 1 : 0;
            unknown += isUnknown && !isBlocked ? 1 : 0;
        }

        const int Ok = (int)EnvironmentStatus.Ok, Warned = (int)EnvironmentStatus.Warn, Blocked = (int)EnvironmentStatus.Block;
        return new(
            facts.Environments.Count, applies, warn, block, inGrace, unknown, notDecided,
            [.. rules.Values.Select(tally => tally.ToCounts())],
            new(
                changes[Ok, Warned], changes[Ok, Blocked], changes[Warned, Blocked], changes[Warned, Ok], changes[Blocked, Warned],
                changes[Blocked, Ok]),
            now);
    }

    private sealed class RuleTally(FleetPolicy policy, string name, int examples)
    {
        // The last of the examples comes first, to be replaced.
        private readonly PriorityQueue<Example, (int Status, Guid Id)> _examples = new(Comparer<(int Status, Guid Id)>.Create(
            (one, other) => one.Status != other.Status ? one.Status.CompareTo(other.Status) : other.Id.CompareTo(one.Id)));

        private int _warn;
        private int _block;
        private int _inGrace;
        private int _unknown;

        public FleetPolicy Policy => policy;

        public string Name => name;

        public void Add(FleetEnvironment environment, RuleVerdict verdict, EnvironmentStatus status)
        {
            _ = status == EnvironmentStatus.Block ? _block++ : _warn++;
            _inGrace += verdict.Deadline is null ? 0 : 1;
            _unknown += verdict.IsUnknown && status == EnvironmentStatus.Warn ? 1 : 0;
            if (examples == 0)
            {
                return;
            }

            var place = ((int)status, environment.Id.Value);
            if (_examples.Count < examples)
            {
                _examples.Enqueue(new(environment, status, verdict.Deadline), place);
            }
            else
            {
                _examples.EnqueueDequeue(new(environment, status, verdict.Deadline), place);
            }
        }

        public RuleCounts ToCounts() => new(
            policy.Document.Name, name, _warn, _block, _inGrace, _unknown,
            [
                .. _examples.UnorderedItems.OrderByDescending(one => one.Priority.Status).ThenBy(one => one.Priority.Id)
                    .Select(one => one.Element),
            ]);
    }
}
